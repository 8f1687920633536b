import type { ValidateFunction } from 'ajv';
import type { Contract, Message } from './contract.ts';
import { refsOf } from './contract.ts';
import {
  ContractError,
  isObject,
  type Json,
  type JsonObject,
  objectAt,
  refTarget,
  type SpecDocument,
} from './documents.ts';
import { type Compile, inlined, schemaCompiler, withSubschemas } from './schemas.ts';

/** The extensions that this project gives a meaning to. Any other `x-…` is taken for a slip of the pen. */
const extensions = new Set([
  'x-rate-limit',
  'x-http-limits',
  'x-unrouted-responses',
  'x-errors',
  'x-channels',
  'x-roles',
  'x-rate-class',
  'x-rate-classes',
  'x-read',
  'x-flood',
  'x-send-queue',
  'x-volatile',
  'x-result',
  'x-max-bytes',
  'x-frame-limits',
  'x-token-lifetime',
  'x-close-codes',
  'x-resume',
  'x-drain',
]);

/** The fields of frames that the types and the server know, beside `type` and `payload`. */
const stamps = { client: ['id'], server: ['ts', 'from', 'replyTo'] };

/**
 * Refuses a contract that the generator could not keep: unknown keywords and extensions, object schemas without
 * a name, examples that break their schema, messages and bodies without an example, messages of clients that are
 * not closed, channels that contradict `x-channels`, and components that nothing refers to.
 */
export function checkContract({ openapi, asyncapi, operations, messages }: Contract): void {
  const [compile, compileMessage] = [schemaCompiler(openapi.root), schemaCompiler(asyncapi.root)];
  checkDocument(openapi, compile);
  checkDocument(asyncapi, compileMessage);
  checkErrors(openapi);
  checkHolders(compile, openapi.root, `${openapi.file}#`);
  for (const message of messages) checkMessage(compileMessage, asyncapi, message);
  const upgrades = operations.filter(({ kind }) => kind === 'upgrade').map(({ path }) => path);
  checkChannels(asyncapi, messages, upgrades);
  checkRefs(openapi);
  checkRefs(asyncapi);
}

function checkDocument({ file, root }: SpecDocument, compile: Compile): void {
  checkExtensions(root, `${file}#`);
  for (const [name, schema] of Object.entries(objectAt(root, 'components', 'schemas')))
    checkSchema(compile, objectAt(schema), `${file}#/components/schemas/${name}`);
}

function checkExtensions(value: Json, at: string): void {
  if (Array.isArray(value))
    for (const [index, item] of value.entries()) checkExtensions(item, `${at}/${index}`);
  if (!isObject(value)) return;
  for (const [key, child] of Object.entries(value)) {
    if (key.startsWith('x-') && !extensions.has(key))
      throw new ContractError(`${at}: unknown extension ${key}`);
    if (key !== 'examples' && key !== 'example') checkExtensions(child, `${at}/${key}`);
  }
}

/** Each `$ref` points at something, and each component is in use: what is outside of the components leads to it. */
function checkRefs(document: SpecDocument): void {
  const { components = {}, ...outside } = document.root;
  const reached = refsFrom(outside, document);
  for (const [section, entries] of Object.entries(objectAt(components))) {
    if (section === 'securitySchemes') continue; // named by security requirements, not by $ref
    for (const name of Object.keys(objectAt(entries))) {
      const ref = `#/components/${section}/${name}`;
      if (!reached.has(ref)) throw new ContractError(`${document.file}${ref}: nothing refers to it`);
    }
  }
}

/** Every `$ref` in a value, and in what they point at, and so on. */
function refsFrom(value: Json, document: SpecDocument, reached = new Set<string>()): Set<string> {
  if (Array.isArray(value)) for (const item of value) refsFrom(item, document, reached);
  if (!isObject(value)) return reached;
  for (const [key, child] of Object.entries(value)) {
    if (key !== '$ref' || typeof child !== 'string') refsFrom(child, document, reached);
    else if (!reached.has(child)) refsFrom(refTarget(document, child), document, reached.add(child));
  }
  return reached;
}

/** A schema that may describe an object, since it has a name; the schemas inside it have none, and may not. */
function checkSchema(compile: Compile, schema: JsonObject, at: string): void {
  const parts = withSubschemas(schema, at);
  for (const [place, part] of parts) if (part !== schema) checkUnnamed(part, place);
  try {
    compile(schema);
  } catch {
    // The innermost part that fails alone is the place of the fault; the last part is the schema itself.
    for (const [place, part] of parts.reverse()) compileAt(compile, part, place);
  }
  for (const [place, part] of parts)
    for (const example of listOf(part.examples)) checkExample(compile, part, example, place);
}

function checkUnnamed(schema: JsonObject, at: string): void {
  const keywords = ['properties', 'patternProperties', 'additionalProperties'];
  if ([schema.type].flat().includes('object') || keywords.some((keyword) => keyword in schema))
    throw new ContractError(`${at}: an object schema without a name; move it to components.schemas`);
}

/** Checks whatever holds a schema outside of `components.schemas`: bodies, parameters and headers. */
function checkHolders(compile: Compile, value: Json, at: string): void {
  if (Array.isArray(value))
    for (const [index, item] of value.entries()) checkHolders(compile, item, `${at}/${index}`);
  if (!isObject(value)) return;
  const { schema, schemas, example, examples, content, ...others } = value;
  for (const [key, child] of Object.entries(others)) checkHolders(compile, child, `${at}/${key}`);
  for (const [type, media] of Object.entries(objectAt(content))) {
    const { schema, examples } = objectAt(media);
    if (!isObject(schema)) throw new ContractError(`${at}/content/${type}: no schema`);
    if (Object.keys(objectAt(examples)).length === 0)
      throw new ContractError(`${at}/content/${type}: no example`);
    checkHolders(compile, media, `${at}/content/${type}`);
  }
  if (!isObject(schema)) return;
  checkUnnamed(schema, `${at}/schema`);
  checkSchema(compile, schema, `${at}/schema`);
  if (example !== undefined) checkExample(compile, schema, example, at);
  for (const { value = null } of Object.values(objectAt(examples)).map((held) => objectAt(held)))
    checkExample(compile, schema, value, at);
}

function checkErrors({ file, root }: SpecDocument): void {
  const codes = objectAt(root, 'components', 'schemas', 'ErrorCode');
  const ruled = Object.keys(objectAt(codes, 'x-errors'));
  const odd = oddOnes(listOf(codes.enum).map(String), ruled);
  if (odd.length > 0)
    throw new ContractError(
      `${file}#/components/schemas/ErrorCode: enum and x-errors differ in ${odd.join(', ')}`,
    );
}

function checkMessage(compile: Compile, document: SpecDocument, message: Message): void {
  const at = `${document.file}#/components/messages/${message.key}`;
  const known = ['type', 'payload', ...stamps[message.direction]];
  const unknown = Object.keys(objectAt(message.frame, 'properties')).filter(
    (field) => !known.includes(field),
  );
  if (unknown.length > 0)
    throw new ContractError(`${at}/payload: frames have no field ${unknown.join(', ')}`);
  checkSchema(compile, message.frame, `${at}/payload`);
  const { examples, 'x-result': result } = objectAt(document.root, 'components', 'messages', message.key);
  if (listOf(examples).length === 0) throw new ContractError(`${at}: no example`);
  for (const example of listOf(examples))
    checkExample(compile, message.frame, objectAt(example).payload ?? null, `${at}/examples`);
  if (message.direction === 'client') checkClosed(inlined(message.frame, document), `${at}/payload`);
  const ack = objectAt(document.root, 'components', 'messages', 'server.ack');
  if (result !== undefined && !refsFrom(ack, document).has(String(objectAt(result).$ref)))
    throw new ContractError(`${at}/x-result: the schema of ack does not hold it`);
}

/** What clients send goes to other clients, so nothing in it is open by oversight. */
function checkClosed(frame: JsonObject, at: string): void {
  for (const [place, schema] of withSubschemas(frame, at)) {
    if (schema === frame ? schema.additionalProperties !== false : isOpenBySilence(schema))
      throw new ContractError(`${place}: what clients send must be closed (additionalProperties: false)`);
  }
}

function isOpenBySilence(schema: JsonObject): boolean {
  return [schema.type].flat().includes('object') && !('additionalProperties' in schema);
}

function checkChannels(
  { file, root }: SpecDocument,
  messages: readonly Message[],
  upgrades: readonly string[],
): void {
  const channels = Object.entries(objectAt(root, 'channels'));
  const addresses = channels.map(([, channel]) => String(objectAt(channel).address));
  const lost = oddOnes(addresses, upgrades);
  if (lost.length > 0)
    throw new ContractError(
      `${file}#/channels: the OpenAPI document's upgrades differ in ${lost.join(', ')}`,
    );
  for (const { key, channels: declared } of messages) {
    const unknown = declared.filter((name) => !channels.some(([channel]) => channel === name));
    if (unknown.length > 0)
      throw new ContractError(
        `${file}#/components/messages/${key}/x-channels: no channel ${unknown.join(', ')}`,
      );
  }
  for (const [channel, value] of channels) {
    const at = `${file}#/channels/${channel}`;
    const listed = Object.keys(objectAt(value, 'messages'));
    const declared = messages.filter((message) => message.channels.includes(channel)).map(({ key }) => key);
    const odd = oddOnes(listed, declared);
    if (odd.length > 0) throw new ContractError(`${at}: differs from x-channels in ${odd.join(', ')}`);
    const carried = Object.values(objectAt(root, 'operations'))
      .filter((operation) => objectAt(operation, 'channel').$ref === `#/channels/${channel}`)
      .flatMap((operation) => [objectAt(operation).messages, objectAt(operation, 'reply').messages])
      .flatMap((list) => refsOf(list, at));
    const idle = listed.filter((key) => !carried.includes(key));
    if (idle.length > 0) throw new ContractError(`${at}: no operation carries ${idle.join(', ')}`);
  }
}

/** What is in one of two lists alone. */
function oddOnes(one: readonly string[], other: readonly string[]): string[] {
  return [...new Set(one).symmetricDifference(new Set(other))];
}

function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function checkExample(compile: Compile, schema: JsonObject, example: Json, at: string): void {
  const validate = compileAt(compile, schema, at);
  if (validate(example)) return;
  const fault = validate.errors?.[0];
  throw new ContractError(
    `${at}: an example breaks its schema at ${fault?.instancePath || '/'}: ${fault?.message}`,
  );
}

function compileAt(compile: Compile, schema: JsonObject, at: string): ValidateFunction {
  try {
    return compile(schema);
  } catch (error) {
    throw new ContractError(`${at}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
