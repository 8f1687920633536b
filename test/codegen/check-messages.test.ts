import { describe } from 'vitest';
import type { JsonObject } from '../../src/codegen/documents.ts';
import { at, refuses } from './specs.ts';

const asyncapi = 'specs/asyncapi.yaml#';
const send = `${asyncapi}/components/messages/client.chat.send`;
const closed = 'what clients send must be closed';

const schemas = (document: JsonObject) => at(document, 'components', 'schemas');
const messages = (document: JsonObject) => at(document, 'components', 'messages');
const sendFrame = (document: JsonObject) => at(messages(document), 'client.chat.send', 'payload');

describe('what clients send must be closed:', () => {
  refuses([
    ['the frame', (_, doc) => delete sendFrame(doc).additionalProperties, `${send}/payload: ${closed}`],
    [
      'the frame, whatever it says',
      (_, doc) => Object.assign(sendFrame(doc), { additionalProperties: true }),
      `${send}/payload: ${closed}`,
    ],
    [
      'the payload',
      (_, doc) => delete at(schemas(doc), 'ChatSend').additionalProperties,
      `${send}/payload/properties/payload: ${closed}`,
    ],
    [
      'what is deep in it',
      (_, doc) => delete at(schemas(doc), 'IceCandidate').additionalProperties,
      'client.signal.candidate/payload/properties/payload/properties/candidates/items: ',
    ],
  ]);
});

describe('a frame has no fields but those that the types know:', () => {
  const field = { $ref: '#/components/schemas/FrameId' };
  refuses([
    [
      "a client's",
      (_, doc) => Object.assign(at(sendFrame(doc), 'properties'), { from: field }),
      `${send}/payload: frames have no field from`,
    ],
    [
      "the server's",
      (_, doc) => Object.assign(at(messages(doc), 'server.notice', 'payload', 'properties'), { seq: field }),
      `${asyncapi}/components/messages/server.notice/payload: frames have no field seq`,
    ],
  ]);
});

describe('x-channels and the channels say the same:', () => {
  const differs = 'differs from x-channels in client.signal.offer';
  const offer = { $ref: '#/components/messages/client.signal.offer' };
  refuses([
    [
      'a channel carries what was not meant for it',
      (_, doc) => Object.assign(at(doc, 'channels', 'chat', 'messages'), { 'client.signal.offer': offer }),
      `${asyncapi}/channels/chat: ${differs}`,
    ],
    [
      'a channel does not carry what was meant for it',
      (_, doc) => delete at(doc, 'channels', 'zoom', 'messages')['client.signal.offer'],
      `${asyncapi}/channels/zoom: ${differs}`,
    ],
    [
      'a message is for more channels',
      (_, doc) =>
        Object.assign(at(messages(doc), 'client.signal.offer'), {
          'x-channels': ['zoom', 'screenshare', 'chat'],
        }),
      `${asyncapi}/channels/chat: ${differs}`,
    ],
    [
      'a message is for no channel',
      (_, doc) => delete at(messages(doc), 'client.signal.offer')['x-channels'],
      `${asyncapi}/channels/zoom: ${differs}`,
    ],
    [
      'a message is for a channel that is not there',
      (_, doc) =>
        Object.assign(at(messages(doc), 'client.chat.send'), {
          'x-channels': ['zoom', 'screenshare', 'chat', 'radio'],
        }),
      `${send}/x-channels: no channel radio`,
    ],
  ]);
});

describe('channels, operations and upgrades fit together:', () => {
  refuses([
    [
      'a message that no operation of a channel carries',
      (_, doc) => {
        const event = at(doc, 'operations', 'zoom.event');
        if (Array.isArray(event.messages))
          event.messages = event.messages.filter((ref) => !JSON.stringify(ref).includes('notice'));
      },
      `${asyncapi}/channels/zoom: no operation carries server.notice`,
    ],
    [
      'a channel of another address',
      (_, doc) => Object.assign(at(doc, 'channels', 'zoom'), { address: '/ws/video/{roomId}' }),
      `${asyncapi}/channels: the OpenAPI document's upgrades differ in /ws/video/{roomId}, /ws/zoom/{roomId}`,
    ],
    [
      'an upgrade without a channel',
      (doc) => delete at(doc, 'paths')['/ws/chat/{roomId}'],
      `${asyncapi}/channels: the OpenAPI document's upgrades differ in /ws/chat/{roomId}`,
    ],
    [
      'a result that the ack cannot hold',
      (_, doc) =>
        Object.assign(at(messages(doc), 'client.chat.send'), {
          'x-result': { $ref: '#/components/schemas/Notice' },
        }),
      `${send}/x-result: the schema of ack does not hold it`,
    ],
  ]);
});

describe('every error code has a rule:', () => {
  const differ = 'specs/openapi.yaml#/components/schemas/ErrorCode: enum and x-errors differ in';
  refuses([
    [
      'a rule is missing',
      (doc) => delete at(schemas(doc), 'ErrorCode', 'x-errors').internal,
      `${differ} internal`,
    ],
    [
      'a rule is one too many',
      (doc) => Object.assign(at(schemas(doc), 'ErrorCode', 'x-errors'), { teapot: { title: 'Teapot' } }),
      `${differ} teapot`,
    ],
  ]);
});
