import { _, Ajv, type Code, type KeywordCxt, str } from 'ajv';
import standalone from 'ajv/dist/standalone/index.js';
import type { Contract, Message } from './contract.ts';
import { ContractError, isObject, type Json, type JsonObject, type SpecDocument } from './documents.ts';
import { maxBytes } from './max-bytes.ts';
import { inlined } from './schemas.ts';

/**
 * Writes `validators.js`: one function per client message, without any import and without a schema to compile
 * at run time. A line per message, so that a changed message changes a line.
 */
export function writeValidators({ asyncapi, messages }: Contract): string {
  const client = messages.filter(({ direction }) => direction === 'client');
  return [
    '/** One validator per client message, by its type. The table has no prototype: `constructor` is not in it. */',
    'export const validators = Object.assign(Object.create(null), {',
    ...client.map((message) => `${JSON.stringify(message.type)}: ${writeValidator(message, asyncapi)},`),
    '});',
    '',
  ].join('\n');
}

/** Writes `validators.d.ts`, what the compiler knows of `validators.js`. */
export function writeValidatorTypes(): string {
  return `import type { ClientMessage } from './messages.ts';

/** One fault that a validator found; \`instancePath\` is a JSON Pointer into the frame. */
export interface ValidatorFault {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly message?: string;
}

/** Says whether a parsed frame is the message; if not, \`errors\` holds the first fault until the next call. */
export interface Validator {
  (frame: unknown): frame is ClientMessage;
  errors?: readonly ValidatorFault[] | null;
}

/** One validator per client message, by its type. The table has no prototype: \`constructor\` is not in it. */
export declare const validators: { readonly [type: string]: Validator | undefined };
`;
}

function writeValidator(message: Message, document: SpecDocument): string {
  const at = `${document.file}#/components/messages/${message.key}`;
  const schema = inlined(message.frame, document);
  const code = compile(schema, at);
  const name = /export default (\w+);/.exec(code)?.[1];
  const body = code
    .replace('"use strict";', '')
    .replace(/export const \w+ = \w+;|export default \w+;/g, '')
    // Ajv writes the schema out, to read the odd constant from it. The constant itself is shorter.
    .replace(`const schema11 = ${JSON.stringify(schema)};`, '')
    .replace(/schema11((?:\.\w+)+)/g, (_match, path: string) =>
      JSON.stringify(valueAt(schema, path.split('.').slice(1))),
    )
    .replaceAll('\n', ' ');
  if (name === undefined || /\brequire\(|\bimport[\s(]|\bschema11\b/.test(body)) {
    throw new ContractError(`${at}: its validator needs something at run time; use another keyword`);
  }
  return `(() => { ${body.trim()} return ${name}; })()`;
}

/**
 * Ajv's code for a schema. A fresh Ajv per message: its counters start anew, so one message's names do not depend
 * on the others. It is the Ajv of draft 7, which keeps no books for `unevaluated…` and so writes half the code; what
 * draft 2020-12 has beyond it is an unknown keyword here.
 */
function compile(schema: JsonObject, at: string): string {
  const ajv = new Ajv({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    code: { source: true, esm: true },
  });
  ajv.addKeyword(maxBytes);
  replaceLength(ajv, 'maxLength', true);
  replaceLength(ajv, 'minLength', false);
  try {
    return standalone.default(ajv, ajv.compile(schema));
  } catch (error) {
    throw new ContractError(`${at}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function replaceLength(ajv: Ajv, keyword: string, limitIsMax: boolean): void {
  ajv.removeKeyword(keyword);
  ajv.addKeyword({
    keyword,
    type: 'string',
    schemaType: 'number',
    error: {
      message: ({ schema }) => str`must NOT have ${limitIsMax ? 'more' : 'fewer'} than ${schema} characters`,
      params: ({ schema }) => _`{limit: ${schema}}`,
    },
    code: (context) => checkLength(context, limitIsMax),
  });
}

function valueAt(schema: Json, path: readonly string[]): Json {
  return path.reduce<Json>((value, key) => (isObject(value) ? value[key] : undefined) ?? null, schema);
}

/**
 * Counts code points, as JSON Schema says, only where the length in UTF-16 cannot decide: a code point takes one
 * or two units. A long SDP is never walked.
 */
function checkLength(context: KeywordCxt, limitIsMax: boolean): void {
  const { data, schema } = context;
  const limit: number = schema;
  const points: Code = _`[...${data}].length`;
  context.fail(
    limitIsMax
      ? _`${data}.length > ${limit} && (${data}.length > ${2 * limit} || ${points} > ${limit})`
      : _`${data}.length < ${limit} || (${data}.length < ${2 * limit} && ${points} < ${limit})`,
  );
}
