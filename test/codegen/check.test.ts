import { describe, expect, test } from 'vitest';
import { checkContract } from '../../src/codegen/check.ts';
import type { JsonObject } from '../../src/codegen/documents.ts';
import { at, contractWith, refuses } from './specs.ts';

const openapi = 'specs/openapi.yaml#';
const asyncapi = 'specs/asyncapi.yaml#';

const schemas = (document: JsonObject) => at(document, 'components', 'schemas');
const message = (document: JsonObject, key: string) => at(document, 'components', 'messages', key);
const kick = (document: JsonObject) => at(document, 'paths', '/api/connections/{id}/kick', 'post');
const kicked = (document: JsonObject) =>
  at(kick(document), 'responses', '200', 'content', 'application/json');
const media = `${openapi}/paths//api/connections/{id}/kick/post/responses/200/content/application/json`;
const text = (document: JsonObject) => at(schemas(document), 'ChatSend', 'properties', 'text');
const textAt = `${asyncapi}/components/schemas/ChatSend/properties/text`;
const send = `${asyncapi}/components/messages/client.chat.send`;

test('the contract as it is passes', () => {
  expect(() => checkContract(contractWith())).not.toThrow();
});

describe('examples that break their schema:', () => {
  refuses([
    [
      'in a body',
      (doc) => Object.assign(at(kicked(doc), 'examples', 'seed', 'value'), { success: 1 }),
      `${media}: an example breaks its schema at /success: must be boolean`,
    ],
    [
      'in a shared response',
      (doc) => {
        const content = at(doc, 'components', 'responses', 'NotFound', 'content', 'application/problem+json');
        delete at(content, 'examples', 'path', 'value').code;
      },
      `${openapi}/components/responses/NotFound/content/application/problem+json: an example breaks its schema at /`,
    ],
    [
      'in a message',
      (_, doc) =>
        Object.assign(at(message(doc, 'client.chat.send'), 'examples', '0', 'payload'), { loud: true }),
      `${send}/examples: an example breaks its schema at /: must NOT have additional properties`,
    ],
    [
      'in a shared schema',
      (doc) => Object.assign(at(schemas(doc), 'Connection', 'examples', '0'), { channel: 'radio' }),
      `${openapi}/components/schemas/Connection: an example breaks its schema at /channel`,
    ],
    [
      'in a property',
      (_, doc) => Object.assign(text(doc), { examples: [''] }),
      `${textAt}: an example breaks its schema at /: must NOT have fewer than 1 characters`,
    ],
    [
      'in a parameter',
      (doc) => Object.assign(at(doc, 'components', 'parameters', 'RoomId'), { example: 'not a room' }),
      `${openapi}/components/parameters/RoomId: an example breaks its schema`,
    ],
    [
      'in a header',
      (doc) => Object.assign(at(doc, 'components', 'headers', 'Retry-After'), { example: 0 }),
      `${openapi}/components/headers/Retry-After: an example breaks its schema at /: must be >= 1`,
    ],
    [
      'in the format that it names',
      (doc) => Object.assign(at(schemas(doc), 'Timestamp'), { examples: ['yesterday'] }),
      `${openapi}/components/schemas/Timestamp: an example breaks its schema at /: must match format "date-time"`,
    ],
  ]);
});

describe('examples that are missing:', () => {
  refuses([
    ['of a body', (doc) => delete kicked(doc).examples, `${media}: no example`],
    [
      'of a body, none of them',
      (doc) => Object.assign(kicked(doc), { examples: {} }),
      `${media}: no example`,
    ],
    [
      'of a message',
      (_, doc) => delete message(doc, 'server.notice').examples,
      `components/messages/server.notice: no example`,
    ],
    [
      'of a message, none of them',
      (_, doc) => Object.assign(message(doc, 'server.notice'), { examples: [] }),
      `components/messages/server.notice: no example`,
    ],
    ['and the schema with it', (doc) => delete kicked(doc).schema, `${media}: no schema`],
  ]);
});

describe('unknown keywords:', () => {
  const unknown = { maxLenght: 5 };
  const fault = 'strict mode: unknown keyword: "maxLenght"';
  refuses([
    [
      'in a schema',
      (_, doc) => Object.assign(at(schemas(doc), 'ChatSend'), unknown),
      `${asyncapi}/components/schemas/ChatSend: ${fault}`,
    ],
    ['in a property', (_, doc) => Object.assign(text(doc), unknown), `${textAt}: ${fault}`],
    [
      'in a frame',
      (_, doc) => Object.assign(at(message(doc, 'client.chat.send'), 'payload'), unknown),
      `${send}/payload: ${fault}`,
    ],
    ['in a body', (doc) => Object.assign(at(kicked(doc), 'schema'), unknown), `${media}/schema: ${fault}`],
    [
      'in a header',
      (doc) => Object.assign(at(doc, 'components', 'headers', 'ETag', 'schema'), unknown),
      `${openapi}/components/headers/ETag/schema: ${fault}`,
    ],
    [
      'in a parameter',
      (doc) => Object.assign(at(kick(doc), 'parameters', '0', 'schema'), unknown),
      `kick/post/parameters/0/schema: ${fault}`,
    ],
    [
      "OpenAPI's `example`, which JSON Schema has not",
      (_, doc) => Object.assign(text(doc), { example: 'Hi' }),
      `${textAt}: strict mode: unknown keyword: "example"`,
    ],
    [
      'an unknown type',
      (_, doc) => Object.assign(text(doc), { type: 'text' }),
      `${textAt}: schema is invalid`,
    ],
    [
      'an unknown format',
      (_, doc) => Object.assign(text(doc), { format: 'poem' }),
      `${textAt}: unknown format "poem"`,
    ],
  ]);
});

describe('unknown extensions:', () => {
  refuses([
    [
      'of an operation',
      (doc) => Object.assign(kick(doc), { 'x-rate-limits': {} }),
      'kick/post: unknown extension x-rate-limits',
    ],
    [
      'of a message',
      (_, doc) => Object.assign(message(doc, 'server.notice'), { 'x-chanels': [] }),
      `${asyncapi}/components/messages/server.notice: unknown extension x-chanels`,
    ],
    [
      'of a schema',
      (_, doc) => Object.assign(text(doc), { 'x-secret': true }),
      `${textAt}: unknown extension x-secret`,
    ],
    [
      'in a list',
      (doc) => Object.assign(at(doc, 'tags', '0'), { 'x-group': 'a' }),
      `${openapi}/tags/0: unknown extension x-group`,
    ],
  ]);
});

describe('what is not in use, or not there:', () => {
  const lonely = { type: 'object', properties: { inner: { $ref: '#/components/schemas/Lonely' } } };
  refuses([
    [
      'a schema',
      (_, doc) => Object.assign(schemas(doc), { Spare: { type: 'string' } }),
      `${asyncapi}/components/schemas/Spare: nothing refers to it`,
    ],
    [
      'a schema that only itself refers to',
      (_, doc) => Object.assign(schemas(doc), { Lonely: lonely }),
      `${asyncapi}/components/schemas/Lonely: nothing refers to it`,
    ],
    [
      'a schema that is mentioned',
      (_, doc) =>
        Object.assign(schemas(doc), { Spare: { type: 'string', description: '#/components/schemas/Spare' } }),
      'Spare: nothing refers to it',
    ],
    [
      'a response',
      (doc) =>
        Object.assign(at(doc, 'components', 'responses'), { Teapot: { description: 'Short and stout.' } }),
      `${openapi}/components/responses/Teapot: nothing refers to it`,
    ],
    [
      'what a $ref points at',
      (_, doc) => Object.assign(text(doc), { $ref: '#/components/schemas/Gone' }),
      `${textAt}: can't resolve reference #/components/schemas/Gone`,
    ],
  ]);
});
