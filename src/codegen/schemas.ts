import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import {
  ContractError,
  isObject,
  type Json,
  type JsonObject,
  objectAt,
  refTarget,
  type SpecDocument,
} from './documents.ts';
import { maxBytes } from './max-bytes.ts';

/** Compiles a schema that a document holds; `#/components/schemas/X` in it is the document's. */
export type Compile = (schema: JsonObject) => ValidateFunction;

/** A compiler for the schemas of a document; it refuses unknown keywords. */
export function schemaCompiler(root: JsonObject): Compile {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
  addFormats.default(ajv);
  ajv.addKeyword('x-errors');
  ajv.addKeyword(maxBytes);
  // A schema without an $id resolves `#/…` against itself, so each carries the document's components along.
  ajv.addKeyword('components');
  const components = { schemas: objectAt(root, 'components', 'schemas') };
  const compiled = new Map<string, ValidateFunction>();
  return (schema) => {
    // Most bodies are the same `$ref`, so many schemas are written alike.
    const text = JSON.stringify(schema);
    const validate = compiled.get(text) ?? ajv.compile({ ...schema, components });
    compiled.set(text, validate);
    return validate;
  };
}

/** Keywords whose value is a schema, or a list of schemas. */
const schemaKeywords = new Set(
  `items prefixItems contains additionalProperties propertyNames unevaluatedItems unevaluatedProperties
  oneOf anyOf allOf not if then else`.split(/\s+/),
);

/** Keywords whose value holds schemas by name. The names are data: one may be called `title`, or `x-y`. */
const mapKeywords = new Set(['properties', 'patternProperties', 'dependentSchemas', '$defs']);

/** A schema with the schemas directly inside it replaced; `place` is where one was, such as `properties/text`. */
function mapSubschemas(
  schema: JsonObject,
  map: (subschema: JsonObject, place: string) => JsonObject,
): JsonObject {
  const mapped = (child: Json, place: string): Json => (isObject(child) ? map(child, place) : child);
  return Object.fromEntries(
    Object.entries(schema).map(([key, child]): [string, Json] => {
      if (mapKeywords.has(key) && isObject(child)) {
        const named = Object.entries(child).map(([name, part]) => [name, mapped(part, `${key}/${name}`)]);
        return [key, Object.fromEntries(named)];
      }
      if (!schemaKeywords.has(key)) return [key, child];
      const list = (parts: Json[]) => parts.map((part, index) => mapped(part, `${key}/${index}`));
      return [key, Array.isArray(child) ? list(child) : mapped(child, key)];
    }),
  );
}

/** A schema and all schemas inside it, each with its place; a `$ref` is not followed. */
export function withSubschemas(schema: JsonObject, at: string): [place: string, schema: JsonObject][] {
  const found: [string, JsonObject][] = [[at, schema]];
  mapSubschemas(schema, (subschema, place) => {
    found.push(...withSubschemas(subschema, `${at}/${place}`));
    return subschema;
  });
  return found;
}

const annotations = new Set(['title', 'description', 'examples']);

/**
 * A schema with every `$ref` replaced by what it points at, and without what only people read. One that holds
 * itself has no such form; and beside a `$ref` only annotations may stand, since merging could loosen either.
 */
export function inlined(
  schema: JsonObject,
  document: SpecDocument,
  trail: readonly string[] = [],
): JsonObject {
  const kept = Object.entries(schema).filter(
    ([key]) => !annotations.has(key) && (!key.startsWith('x-') || key === maxBytes.keyword),
  );
  if (typeof schema.$ref === 'string') {
    const place = `${document.file}${schema.$ref}`;
    if (kept.length > 1) throw new ContractError(`${place}: the $ref to it has a keyword beside it`);
    if (trail.includes(schema.$ref)) throw new ContractError(`${place}: holds itself`);
    return inlined(refTarget(document, schema.$ref), document, [...trail, schema.$ref]);
  }
  return mapSubschemas(Object.fromEntries(kept), (subschema) => inlined(subschema, document, trail));
}
