import { describe } from 'vitest';
import type { JsonObject } from '../../src/codegen/documents.ts';
import { at, type Change, refuses } from './specs.ts';

const openapi = 'specs/openapi.yaml#';
const asyncapi = 'specs/asyncapi.yaml#';
const inline = 'an object schema without a name';

const schemas = (document: JsonObject) => at(document, 'components', 'schemas');
const message = (document: JsonObject, key: string) => at(document, 'components', 'messages', key);
const kick = (document: JsonObject) => at(document, 'paths', '/api/connections/{id}/kick', 'post');
const kicked = (document: JsonObject) =>
  at(kick(document), 'responses', '200', 'content', 'application/json');
const media = `${openapi}/paths//api/connections/{id}/kick/post/responses/200/content/application/json`;
const send = `${asyncapi}/components/messages/client.chat.send`;

describe('object schemas without a name:', () => {
  const object = { type: 'object', properties: { loud: { type: 'boolean' } } };
  const into =
    (schema: JsonObject): Change =>
    (_, doc) => {
      Object.assign(at(schemas(doc), 'ChatSend', 'properties'), { style: schema });
    };
  const style = `${asyncapi}/components/schemas/ChatSend/properties/style`;
  refuses([
    ['in a property', into(object), `${style}: ${inline}`],
    ['in the items of a list', into({ type: 'array', items: object }), `${style}/items: ${inline}`],
    [
      'in the items of a tuple',
      into({ type: 'array', prefixItems: [{ type: 'string' }, object] }),
      `${style}/prefixItems/1: ${inline}`,
    ],
    [
      'deep in alternatives',
      into({ oneOf: [{ type: 'string' }, { oneOf: [object] }] }),
      `${style}/oneOf/1/oneOf/0: ${inline}`,
    ],
    ['that may be null', into({ type: ['object', 'null'] }), `${style}: ${inline}`],
    ['that is a dictionary', into({ additionalProperties: { type: 'string' } }), `${style}: ${inline}`],
    ['in a condition', into({ if: { type: 'string' }, else: object }), `${style}/else: ${inline}`],
    [
      'in a dictionary',
      (_, doc) => Object.assign(at(schemas(doc), 'Metadata'), { additionalProperties: object }),
      `Metadata/additionalProperties: ${inline}`,
    ],
    ['in a body', (doc) => Object.assign(kicked(doc), { schema: object }), `${media}/schema: ${inline}`],
    [
      'in a list that is a body',
      (doc) => Object.assign(kicked(doc), { schema: { type: 'array', items: object } }),
      `${media}/schema/items: ${inline}`,
    ],
    [
      'in a parameter',
      (doc) => Object.assign(at(kick(doc), 'parameters', '0'), { schema: object }),
      `kick/post/parameters/0/schema: ${inline}`,
    ],
    [
      'in a request',
      (doc) => Object.assign(at(kick(doc), 'requestBody', 'content', 'application/json'), { schema: object }),
      `kick/post/requestBody/content/application/json/schema: ${inline}`,
    ],
    [
      'in a frame',
      (_, doc) =>
        Object.assign(at(message(doc, 'client.chat.send'), 'payload', 'properties'), { id: object }),
      `${send}/payload/properties/id: ${inline}`,
    ],
  ]);
});
