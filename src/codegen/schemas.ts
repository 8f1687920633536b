import { Ajv2020, type Options } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { isObject, type Json, type JsonObject, objectAt } from './documents.ts';

/**
 * An Ajv that knows the schemas of a document by their `#/components/schemas/X`, and refuses unknown keywords.
 * Compile with it schemas that the document holds.
 */
export function schemaCompiler(root: JsonObject, options: Options = {}): Ajv2020 {
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    allErrors: false,
    ...options,
  });
  addFormats.default(ajv);
  for (const keyword of ['x-errors', 'example']) ajv.addKeyword(keyword);
  // A schema without an $id resolves `#/…` against itself, so each carries the document's components along.
  const compile = ajv.compile.bind(ajv);
  const components = { schemas: objectAt(root, 'components', 'schemas') };
  ajv.addKeyword('components');
  ajv.compile = ((schema: JsonObject) => compile({ ...schema, components })) as typeof ajv.compile;
  return ajv;
}

/**
 * A schema with every `$ref` replaced by what it points at, and without what only people read
 * (descriptions, examples, extensions).
 */
export function inlined(schema: Json, root: JsonObject): Json {
  if (Array.isArray(schema)) return schema.map((item) => inlined(item, root));
  if (!isObject(schema)) return schema;
  const { $ref, ...rest } = schema;
  const target = typeof $ref === 'string' ? objectAt(root, ...$ref.split('/').slice(1)) : {};
  const merged = { ...target, ...rest };
  return Object.fromEntries(
    Object.entries(merged)
      .filter(([key]) => !annotations.has(key) && !key.startsWith('x-'))
      .map(([key, child]) => [
        key,
        key === 'properties' ? eachInlined(objectAt(child), root) : inlined(child, root),
      ]),
  );
}

const annotations = new Set(['title', 'description', 'examples', 'example']);

/** `properties` holds names, which may be called `title` or `description`, so only its values are schemas. */
function eachInlined(properties: JsonObject, root: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, inlined(child, root)]));
}
