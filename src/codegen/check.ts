import type { Ajv2020 } from 'ajv/dist/2020.js';
import type { Contract } from './contract.ts';
import { refsOf } from './contract.ts';
import {
  ContractError,
  isObject,
  type Json,
  type JsonObject,
  objectAt,
  type SpecDocument,
} from './documents.ts';
import { schemaCompiler } from './schemas.ts';

/** The extensions that this project gives a meaning to. Any other `x-…` is taken for a slip of the pen. */
const extensions = new Set([
  'x-rate-limit',
  'x-http-limits',
  'x-unrouted-responses',
  'x-errors',
  'x-channels',
  'x-volatile',
  'x-result',
  'x-frame-limits',
  'x-token-lifetime',
  'x-close-codes',
]);

/**
 * Refuses a contract that the generator could not keep: unknown keywords and extensions, object schemas without
 * a name, examples that break their schema, messages and bodies without an example, channels that contradict
 * `x-channels`, and components that nothing refers to.
 */
export function checkContract({ openapi, asyncapi, messages }: Contract): void {
  for (const document of [openapi, asyncapi]) {
    checkExtensions(document.root, document.file);
    checkSchemas(document);
    checkUnused(document);
  }
  checkBodies(openapi);
  for (const message of messages) checkMessage(asyncapi, message);
  checkChannels(asyncapi, messages);
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

function checkSchemas({ file, root }: SpecDocument): void {
  const ajv = schemaCompiler(root);
  for (const [name, schema] of Object.entries(objectAt(root, 'components', 'schemas'))) {
    const at = `${file}#/components/schemas/${name}`;
    checkNamed(objectAt(schema), at);
    const examples = objectAt(schema).examples;
    if (Array.isArray(examples))
      for (const example of examples) checkExample(ajv, objectAt(schema), example, at);
    compile(ajv, objectAt(schema), at);
  }
}

/** Below a schema that has a name, no schema may describe an object: it would have no name in the types. */
function checkNamed(schema: JsonObject, at: string): void {
  for (const [key, child] of Object.entries(schema)) {
    const parts: [string, Json][] =
      key === 'properties'
        ? Object.entries(objectAt(child))
        : Array.isArray(child)
          ? child.map((c, i) => [String(i), c])
          : [['', child]];
    if (!['properties', 'items', 'additionalProperties', 'oneOf', 'anyOf', 'allOf', 'not'].includes(key))
      continue;
    for (const [name, part] of parts) {
      if (!isObject(part)) continue;
      const place = [at, key, name].filter((step) => step !== '').join('/');
      if ('properties' in part || part.type === 'object') {
        throw new ContractError(`${place}: an object schema without a name; move it to components.schemas`);
      }
      checkNamed(part, place);
    }
  }
}

function checkBodies({ file, root }: SpecDocument): void {
  const ajv = schemaCompiler(root);
  const visit = (value: Json, at: string): void => {
    if (!isObject(value)) return;
    for (const [key, child] of Object.entries(value)) {
      if (key === 'content')
        for (const [type, media] of Object.entries(objectAt(child)))
          checkMedia(objectAt(media), `${at}/content/${type}`);
      else if (key !== 'schemas') visit(child, `${at}/${key}`);
    }
  };
  const checkMedia = (media: JsonObject, at: string): void => {
    const schema = objectAt(media, 'schema');
    if ('properties' in schema || schema.type === 'object') {
      throw new ContractError(`${at}: an object schema without a name; move it to components.schemas`);
    }
    checkNamed(schema, `${at}/schema`);
    const examples = Object.values(objectAt(media, 'examples'));
    if (examples.length === 0) throw new ContractError(`${at}: no example`);
    for (const example of examples) checkExample(ajv, schema, objectAt(example).value ?? null, at);
  };
  visit(root.paths ?? {}, `${file}#/paths`);
  visit(objectAt(root, 'components', 'responses'), `${file}#/components/responses`);
}

function checkMessage({ file, root }: SpecDocument, message: Contract['messages'][number]): void {
  const at = `${file}#/components/messages/${message.key}`;
  const ajv = schemaCompiler(root);
  const examples = objectAt(root, 'components', 'messages', message.key).examples;
  checkNamed(message.frame, `${at}/payload`);
  if (!Array.isArray(examples) || examples.length === 0) throw new ContractError(`${at}: no example`);
  for (const example of examples) checkExample(ajv, message.frame, objectAt(example).payload ?? null, at);
  if (message.direction === 'client' && message.frame.additionalProperties !== false) {
    throw new ContractError(`${at}: a message of clients must be closed (additionalProperties: false)`);
  }
}

function checkChannels({ file, root }: SpecDocument, messages: Contract['messages']): void {
  for (const [channel, value] of Object.entries(objectAt(root, 'channels'))) {
    const listed = Object.keys(objectAt(value, 'messages'));
    const declared = messages.filter((message) => message.channels.includes(channel)).map(({ key }) => key);
    const odd = [...new Set([...listed, ...declared])].filter(
      (key) => listed.includes(key) !== declared.includes(key),
    );
    if (odd.length > 0)
      throw new ContractError(`${file}#/channels/${channel}: differs from x-channels in ${odd.join(', ')}`);
    const carried = Object.values(objectAt(root, 'operations'))
      .filter((operation) => objectAt(operation, 'channel').$ref === `#/channels/${channel}`)
      .flatMap((operation) => [
        ...refsOf(objectAt(operation).messages),
        ...refsOf(objectAt(operation, 'reply').messages),
      ]);
    const idle = listed.filter((key) => !carried.includes(key));
    if (idle.length > 0)
      throw new ContractError(`${file}#/channels/${channel}: no operation carries ${idle.join(', ')}`);
  }
}

function checkUnused({ file, root }: SpecDocument): void {
  const text = JSON.stringify(root);
  for (const [section, entries] of Object.entries(objectAt(root, 'components'))) {
    if (section === 'securitySchemes') continue; // named by security requirements, not by $ref
    for (const name of Object.keys(objectAt(entries))) {
      const ref = `#/components/${section}/${name}`;
      if (!text.includes(JSON.stringify(ref))) throw new ContractError(`${file}${ref}: nothing refers to it`);
    }
  }
}

function checkExample(ajv: Ajv2020, schema: JsonObject, example: Json, at: string): void {
  const validate = compile(ajv, schema, at);
  if (validate(example)) return;
  const fault = validate.errors?.[0];
  throw new ContractError(
    `${at}: an example breaks its schema at ${fault?.instancePath || '/'}: ${fault?.message}`,
  );
}

function compile(ajv: Ajv2020, schema: JsonObject, at: string): ReturnType<Ajv2020['compile']> {
  try {
    return ajv.compile(schema);
  } catch (error) {
    throw new ContractError(`${at}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
