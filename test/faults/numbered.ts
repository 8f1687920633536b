import { expect } from 'vitest';
import type { Returning } from '../support/returning.ts';
import { type Frame, type join, valueAt } from '../support/socket.ts';

export type Sender = Awaited<ReturnType<typeof join>>;

/** What senders say, numbered by each for itself: to all, to one alone, in the chat, and of themselves. */
export class Numbered {
  readonly #sent = new Map<Sender, number>();
  readonly #reader: Returning;

  constructor(senders: readonly Sender[], reader: Returning) {
    for (const sender of senders) this.#sent.set(sender, 0);
    this.#reader = reader;
  }

  get count(): number {
    return [...this.#sent.values()].reduce((sum, sent) => sum + sent, 0);
  }

  /** Resolves when all of it is acknowledged. */
  async say(times: number): Promise<void> {
    const said: Promise<unknown>[] = [];
    for (let time = 0; time < times; time += 1) {
      for (const [sender, before] of [...this.#sent]) {
        this.#sent.set(sender, before + 1);
        const done = this.#one(sender.socket, before + 1);
        said.push(done.then(({ type }) => expect(type).toBe('ack')));
      }
      if (Math.random() < 0.5) await Promise.all(said.splice(0));
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    }
    await Promise.all(said);
  }

  /** Whether the reader has all of it, each once and in the order of its sender. */
  expectWhole(): Promise<void> {
    const wanted = [...this.#sent].map(([{ clientId }, sent]) => [clientId, upTo(sent)]);
    const got = () =>
      wanted.map(([clientId = '']) => [clientId, numbersFrom(this.#reader, String(clientId))]);
    return expect.poll(got, { timeout: 5_000 }).toEqual(wanted);
  }

  #one(socket: Sender['socket'], n: number): Promise<Frame> {
    const kind = Math.random() * 4;
    const text = `${n} ${'x'.repeat(Math.random() * 500)}`;
    const topic = `${n}`;
    if (kind < 1) return socket.ask('chat.send', { text });
    if (kind < 2) return socket.ask('signal.data', { topic, data: text });
    if (kind < 3) return socket.ask('presence.update', { metadata: { n: text } });
    return socket.ask('signal.data', { topic, data: text, to: this.#reader.clientId });
  }
}

/** The numbers of what a client has got from a sender. */
export function numbersFrom({ frames }: Returning, clientId: string): number[] {
  const textOf = ({ type, payload }: Frame): unknown =>
    ({
      'chat.message': valueAt(payload, 'text'),
      'signal.data': valueAt(payload, 'topic'),
      'presence.updated': valueAt(payload, 'metadata', 'n'),
    })[type];
  return frames
    .filter(({ from }) => from === clientId)
    .flatMap((frame) => textOf(frame) ?? [])
    .map((text) => Number.parseInt(String(text), 10));
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
