import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { isObject, type Json, type JsonObject, objectAt } from '../../src/codegen/documents.ts';

/**
 * The schemas of one document, closed: where the specs leave an object open, so that clients may ignore what
 * they do not know, the server must still send nothing that is not declared.
 */
export class ClosedSchemas {
  readonly #ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
  readonly #components: JsonObject;
  readonly #compiled = new WeakMap<JsonObject, ValidateFunction>();

  constructor(document: JsonObject) {
    addFormats.default(this.#ajv);
    for (const keyword of ['x-errors', 'example', 'components']) this.#ajv.addKeyword(keyword);
    this.#ajv.addKeyword({
      keyword: 'x-max-bytes',
      validate: (limit: number, value: unknown) => Buffer.byteLength(JSON.stringify(value)) <= limit,
    });
    this.#components = { schemas: closedEach(objectAt(document, 'components', 'schemas')) };
  }

  /** What is wrong with a value, one line per fault; empty where it is as declared. */
  faults(schema: JsonObject, value: unknown): string[] {
    let validate = this.#compiled.get(schema);
    if (validate === undefined) {
      const root = closed(schema);
      validate = this.#ajv.compile({ ...(isObject(root) ? root : {}), components: this.#components });
      this.#compiled.set(schema, validate);
    }
    if (validate(value)) return [];
    return (validate.errors ?? []).map(({ instancePath, message, params }) => {
      const odd = params.unevaluatedProperty ?? params.additionalProperty;
      return `${instancePath || '/'} ${message}${odd === undefined ? '' : `: ${odd}`}`;
    });
  }
}

/** Keywords whose values are schemas by name. */
const named = new Set(['properties', 'patternProperties', '$defs']);
/** Keywords whose values are data, not schemas. */
const data = new Set(['const', 'enum', 'examples', 'example', 'default', 'x-errors', 'required']);

function closed(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(closed);
  if (!isObject(schema)) return schema;
  // Each branch would be closed against the properties of the others.
  if ('allOf' in schema || 'if' in schema) throw new Error('teach ClosedSchemas to close allOf and if');
  const result = Object.fromEntries(
    Object.entries(schema).map(([key, child]) => {
      if (data.has(key)) return [key, child];
      return [key, named.has(key) ? closedEach(objectAt(child)) : closed(child)];
    }),
  );
  const describesObject = 'properties' in schema || schema.type === 'object';
  if (!describesObject || 'additionalProperties' in schema || 'unevaluatedProperties' in schema)
    return result;
  return { ...result, unevaluatedProperties: false };
}

function closedEach(schemas: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, closed(schema)]));
}
