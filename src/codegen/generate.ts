import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkContract } from './check.ts';
import { writeClient } from './client.ts';
import { readContract } from './contract.ts';
import { readDocument } from './documents.ts';
import { writeErrors } from './errors.ts';
import { writeMessages } from './messages.ts';
import { writeOperations, writeRest } from './rest.ts';
import { writeValidators, writeValidatorTypes } from './validators.ts';
import { banner } from './write.ts';

/** Every generated file by its name, made from the documents in `specs`. The same specs give the same bytes. */
export async function generate(specs: string): Promise<Map<string, string>> {
  const contract = readContract(
    readDocument(join(specs, 'openapi.yaml')),
    readDocument(join(specs, 'asyncapi.yaml')),
  );
  checkContract(contract);
  return new Map([
    ['asyncapi.json', `${JSON.stringify(contract.asyncapi.root, null, 2)}\n`],
    ['client.ts', writeClient(contract)],
    ['errors.ts', writeErrors(contract)],
    ['messages.ts', await writeMessages(contract)],
    ['openapi.json', `${JSON.stringify(contract.openapi.root, null, 2)}\n`],
    ['operations.ts', writeOperations(contract)],
    ['rest.ts', await writeRest(contract)],
    ['validators.d.ts', banner + writeValidatorTypes()],
    ['validators.js', banner + writeValidators(contract)],
  ]);
}

/** Writes the files into `folder`, and removes what else is in it: the folder belongs to the generator. */
export function writeFiles(files: ReadonlyMap<string, string>, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (!files.has(name)) rmSync(join(folder, name));
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
}

/** The names of the files in `folder` that differ from `files`, lack, or are too many. */
export function drift(files: ReadonlyMap<string, string>, folder: string): string[] {
  const present = existsSync(folder) ? readdirSync(folder) : [];
  return [...new Set([...files.keys(), ...present])].filter(
    (name) => !present.includes(name) || readFileSync(join(folder, name), 'utf8') !== files.get(name),
  );
}
