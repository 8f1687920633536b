import { expect, test } from 'vitest';
import { checkContract } from '../../src/codegen/check.ts';
import { type Contract, readContract } from '../../src/codegen/contract.ts';
import {
  ContractError,
  isObject,
  type Json,
  type JsonObject,
  readDocument,
} from '../../src/codegen/documents.ts';

const openapi = readDocument('specs/openapi.yaml');
const asyncapi = readDocument('specs/asyncapi.yaml');

/** The project's own contract after a change to its documents, which are copies. */
export function contractWith(change: Change = () => {}): Contract {
  const copies = structuredClone({ openapi, asyncapi });
  change(copies.openapi.root, copies.asyncapi.root);
  return readContract(copies.openapi, copies.asyncapi);
}

/** A change to copies of both documents. */
export type Change = (openapi: JsonObject, asyncapi: JsonObject) => void;

/** Tests that each of these changes is refused, by a message that holds this text. */
export function refuses(cases: [what: string, change: Change, message: string][]): void {
  test.each(cases)('%s', (_what, change, message) => {
    const contract = contractWith(change);
    expect(() => checkContract(contract)).toThrow(
      expect.objectContaining({ constructor: ContractError, message: expect.stringContaining(message) }),
    );
  });
}

/** A contract of one client message `test.message`, whose payload is this schema. */
export function contractOf(payload: JsonObject, schemas: JsonObject = {}): Contract {
  const frame = {
    type: 'object',
    required: ['type', 'payload'],
    additionalProperties: false,
    properties: { type: { const: 'test.message' }, payload: { $ref: '#/components/schemas/Payload' } },
  };
  const root = {
    channels: {},
    operations: {
      command: {
        action: 'receive',
        messages: [{ $ref: '#/channels/test/messages/client.test.message' }],
        reply: { messages: [{ $ref: '#/channels/test/messages/server.ack' }] },
      },
    },
    components: {
      messages: { 'client.test.message': { name: 'test.message', payload: frame } },
      schemas: { Payload: payload, ...schemas },
    },
  };
  return readContract({ file: 'openapi.yaml', root: {} }, { file: 'asyncapi.yaml', root });
}

/** The object at a path; a test that changes nothing since the path is wrong would prove nothing. */
export function at(root: Json, ...path: string[]): JsonObject {
  let value: Json | undefined = root;
  for (const step of path)
    value = Array.isArray(value) ? value[Number(step)] : isObject(value) ? value[step] : undefined;
  if (!isObject(value)) throw new Error(`no object at ${path.join(' / ')}`);
  return value;
}

/** What a module exports, from its text. */
export async function load<T>(text: string): Promise<T> {
  return import(/* @vite-ignore */ `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);
}
