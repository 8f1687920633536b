import { once } from 'node:events';
import { type IncomingMessage, get as request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import express, { type Response } from 'express';
import { expect, test, vi } from 'vitest';
import { type BodyCheck, writeBody } from '../../../src/transports/http/body.ts';
import { atScopeEnd } from '../../support/scope.ts';

interface Answer {
  /** The answer, whose body nobody reads yet. */
  readonly incoming: IncomingMessage;
  readonly response: Response;
  /** What became of the writing. */
  readonly written: Promise<void>;
}

/** Asks a server for a body, and gives both ends of the answer. */
async function answered(body: unknown, check: BodyCheck = () => {}, stallMs?: number): Promise<Answer> {
  const given = Promise.withResolvers<Omit<Answer, 'incoming'>>();
  const app = express();
  app.get('/', (_request, response) => {
    const written = writeBody(response, body, async () => check, stallMs);
    written.catch(() => {}); // the test looks at it later
    given.resolve({ response, written });
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atScopeEnd(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const asked = request({ port: (server.address() as AddressInfo).port, agent: false });
  asked.on('error', () => {});
  atScopeEnd(() => asked.destroy());
  const [incoming] = (await once(asked, 'response')) as [IncomingMessage];
  incoming.on('error', () => {});
  return { incoming, ...(await given.promise) };
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
  return text;
}

/** A list without an end, with what became of it. */
function endless(): { items: IteratorObject<object>; drawn: () => number; ended: Promise<void> } {
  const ended = Promise.withResolvers<void>();
  let drawn = 0;
  function* draw(): Generator<object> {
    try {
      for (;;) yield { id: ++drawn, text: 'x'.repeat(1000) };
    } finally {
      ended.resolve();
    }
  }
  return { items: draw(), drawn: () => drawn, ended: ended.promise };
}

const entries = (count: number): object[] =>
  Array.from({ length: count }, (_, id) => ({ id, text: `number ${id}, "quoted", [${id}]` }));

test.each([0, 1, 249, 250, 251, 500, 5000])('a list of %i comes whole and in order', async (count) => {
  const list = await answered(entries(count).values());
  expect(JSON.parse(await textOf(list.incoming))).toEqual(entries(count));
  expect(list.incoming.headers['content-type']).toBe('application/json; charset=utf-8');
  await list.written;
});

test.each([0, 250, 5000])('a list of %i inside of a body comes with the rest', async (count) => {
  const rest = { roomId: 'a]b', hosts: ['x', 'y'], count };
  const { incoming } = await answered({ connections: entries(count).values(), ...rest });
  expect(JSON.parse(await textOf(incoming))).toEqual({ ...rest, connections: entries(count) });
});

test.each([{ a: [1, [2]] }, [1, 2], 'text', null])(
  'a body without an iterator is as it is: %j',
  async (body) => {
    const { incoming } = await answered(body);
    expect(await textOf(incoming)).toBe(JSON.stringify(body));
    expect(incoming.headers).toHaveProperty('content-length');
  },
);

test('other work gets its turn in between', async () => {
  let turn = 0;
  let counting = true;
  const count = (): void => {
    turn += 1;
    if (counting) setImmediate(count);
  };
  count();
  const drawnInTurn = new Map<number, number>();
  const items = entries(5000)
    .values()
    .map((entry) => {
      drawnInTurn.set(turn, (drawnInTurn.get(turn) ?? 0) + 1);
      return entry;
    });
  const { incoming } = await answered(items);
  await textOf(incoming);
  counting = false;
  expect(drawnInTurn.size).toBeGreaterThanOrEqual(19);
  expect(Math.max(...drawnInTurn.values())).toBeLessThanOrEqual(500); // the second slice may follow in the turn of the first
});

test('a client that goes stops the work, which is no fault', async () => {
  const list = endless();
  const { incoming, written } = await answered(list.items);
  await once(incoming, 'data');
  incoming.destroy();
  await list.ended;
  await written;
});

test('for a client that reads slowly no more is held than a slice or two', async () => {
  const list = endless();
  const { incoming, response } = await answered(list.items);
  incoming.pause();
  // The kernel takes some megabytes, and then nothing more.
  await vi.waitUntil(() => response.writableNeedDrain, { timeout: 5000 });
  let before = -1;
  while (before < list.drawn()) {
    before = list.drawn();
    await sleep(200);
  }
  expect(response.writableNeedDrain).toBe(true);
  expect(response.writableLength).toBeLessThan(600_000); // two slices of a kilobyte an item
  incoming.resume();
  await vi.waitUntil(() => list.drawn() > before + 1000, { timeout: 5000 });
});

test('a client that reads nothing is cut off', async () => {
  const list = endless();
  const { incoming, written } = await answered(list.items, undefined, 200);
  incoming.pause();
  await list.ended;
  await written;
});

test('a fault in the first slice is thrown while it can still be answered', async () => {
  const fault = new Error('breaks the contract');
  const sent: unknown[] = [];
  const response = { json: () => sent.push('json'), type: () => sent.push('type') } as unknown as Response;
  const check = (): void => {
    throw fault;
  };
  await expect(writeBody(response, entries(1000).values(), async () => check)).rejects.toBe(fault);
  expect(sent).toEqual([]);
});

test('a fault later on breaks the response off', async () => {
  const fault = new Error('breaks the contract');
  const seen: number[] = [];
  const check = (body: unknown): void => {
    if (seen.push((body as { list: unknown[] }).list.length) === 3) throw fault;
  };
  const { incoming, written } = await answered({ list: entries(1000).values(), of: 'them' }, check);
  await expect(textOf(incoming)).rejects.toThrow('aborted');
  await expect(written).rejects.toBe(fault);
  expect(seen).toEqual([250, 250, 250]);
});
