import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import openapi from '../../../generated/openapi.json' with { type: 'json' };
import { type Route, routes } from '../../../generated/operations.ts';
import { writeBody } from './body.ts';
import { expressPath } from './router.ts';
import type { ContractValidation } from './validate.ts';

interface Documented {
  readonly responses?: Readonly<Record<string, { content?: { 'application/json'?: { examples?: object } } }>>;
}

/** As many entries as make the optimiser look at what writes them. */
const entries = 2_000;

/**
 * Answers each list of the contract once, at length and with its own example, before anybody asks: the validator
 * compiles what it checks a list with at the first one, and holds up everybody meanwhile.
 */
export async function rehearse({ steps, bodyCheck }: ContractValidation): Promise<void> {
  const app = express();
  const paths: string[] = [];
  for (const { path, success, method } of Object.values(routes) as Route[]) {
    const body = method === 'get' ? longBody(exampleOf(path, success)) : undefined;
    if (body === undefined) continue;
    paths.push(path.replaceAll(/\{\w+\}/g, 'rehearsal'));
    app.get(expressPath(path), ...steps, (request, response) =>
      writeBody(response.status(success), body(), () => bodyCheck(request, response)),
    );
  }
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const path of paths) await (await fetch(`http://127.0.0.1:${port}${path}`)).arrayBuffer();
  server.closeAllConnections();
  server.close();
}

function exampleOf(path: string, status: number): unknown {
  const { get } = (openapi.paths as Readonly<Record<string, { get?: Documented }>>)[path] ?? {};
  const { examples = {} } = get?.responses?.[status]?.content?.['application/json'] ?? {};
  const [example] = Object.values(examples) as { value?: unknown }[];
  return example?.value;
}

/** Makes the example with its list at length; `undefined` where there is no list in it. */
function longBody(example: unknown): (() => unknown) | undefined {
  if (Array.isArray(example)) return () => repeated(example);
  for (const [name, value] of Object.entries(example ?? {})) {
    if (Array.isArray(value)) return () => ({ ...(example as object), [name]: repeated(value) });
  }
  return undefined;
}

function repeated(list: readonly unknown[]): IteratorObject<unknown> {
  return Array.from({ length: entries }, (_, index) => list[index % list.length]).values();
}
