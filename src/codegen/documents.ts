import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';

/** What JSON can hold. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

/** A JSON object: a schema, a message, a whole document. */
export type JsonObject = { [key: string]: Json };

/** A document of `specs/` made self-contained: every `./schemas/X.yaml` has become `#/components/schemas/X`. */
export interface SpecDocument {
  /** Where it was read from, for messages about faults. */
  readonly file: string;
  readonly root: JsonObject;
}

/** A fault in the specs; the message names the file and the place. */
export class ContractError extends Error {}

/** Whether a value is a JSON object (an array is not). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object at `path` inside `from`, or an empty one where there is none. */
export function objectAt(from: Json | undefined, ...path: string[]): JsonObject {
  let value: Json | undefined = from;
  for (const key of path) value = isObject(value) ? value[key] : undefined;
  return isObject(value) ? value : {};
}

/** The last part of a `$ref`: the name of what it points at; `at` is its place. */
export function refName(ref: Json | undefined, at = '$ref'): string {
  if (typeof ref !== 'string') throw new ContractError(`${at}: expected a $ref to something with a name`);
  return ref.slice(ref.lastIndexOf('/') + 1);
}

/** What a `$ref` points at inside a document. */
export function refTarget({ file, root }: SpecDocument, ref: string): JsonObject {
  const [start, ...path] = ref.split('/').map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const target = start === '#' ? objectAt(root, ...path) : {};
  if (Object.keys(target).length === 0) throw new ContractError(`${file}: nothing is at ${ref}`);
  return target;
}

/**
 * Reads a document and the schema files that it refers to.
 *
 * A schema file is named after its schema, so `./schemas/Problem.yaml` lands in `components.schemas.Problem`.
 */
export function readDocument(file: string): SpecDocument {
  const root = readYaml(file);
  const components = objectAt(root, 'components');
  const schemas = objectAt(components, 'schemas');

  const resolve = (value: Json, directory: string): Json => {
    if (Array.isArray(value)) return value.map((item) => resolve(item, directory));
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [
        key,
        key === '$ref' && typeof child === 'string' && child.startsWith('.')
          ? adopt(join(directory, child))
          : resolve(child, directory),
      ]),
    );
  };
  const adopted = new Map<string, string>();
  const adopt = (path: string): string => {
    const name = basename(path, '.yaml');
    if (adopted.get(name) !== path) {
      if (Object.hasOwn(schemas, name))
        throw new ContractError(
          `${file}: ${name} is defined twice, in ${adopted.get(name) ?? file} and ${path}`,
        );
      adopted.set(name, path);
      schemas[name] = {}; // taken, also while it is read: a schema may refer to itself
      schemas[name] = resolve(readYaml(path), dirname(path));
    }
    return `#/components/schemas/${name}`;
  };

  const own = resolve({ ...root, components: { ...components, schemas: {} } }, dirname(file));
  for (const [name, schema] of Object.entries(schemas)) {
    if (!adopted.has(name)) schemas[name] = resolve(schema, dirname(file));
  }
  if (!isObject(own)) throw new ContractError(`${file}: not an object`);
  objectAt(own, 'components').schemas = sortByName(schemas);
  return { file, root: own };
}

function readYaml(file: string): JsonObject {
  try {
    const value: Json = parse(readFileSync(file, 'utf8'), { merge: true });
    if (isObject(value)) return value;
  } catch (error) {
    throw new ContractError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  throw new ContractError(`${file}: not an object`);
}

function sortByName(schemas: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
}
