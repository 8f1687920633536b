import type { JsonObject } from '../../src/codegen/documents.ts';
import { type Ending, type Entry, type Excuses, marked, type Said, type Sent } from './history.ts';
import { judge } from './judge.ts';

const roomId = 'r';

/** Writes a history by hand, of clients named by letters, whose ids are their names and the number of their session. */
export class Tale {
  readonly entries: Entry[] = [];
  readonly said: Said[] = [];
  readonly ids = new Map<string, string>();
  readonly #sockets = new Map<string, number>();
  #lastSocket = 0;

  open(client: string, resume = false, to = roomId): this {
    this.#lastSocket += 1;
    this.#sockets.set(client, this.#lastSocket);
    return this.#add(client, { kind: 'open', roomId: to, resume });
  }

  welcome(client: string, clientId: string, roster: readonly string[], resumed = false): this {
    this.ids.set(client, clientId);
    const participants = roster.map((id) => ({ clientId: id, connectionStatus: 'connected' }));
    const room = { hosts: ['a1'] };
    return this.receive(client, 'session.welcome', {
      self: { clientId },
      room,
      roster: participants,
      resumed,
    });
  }

  receive(
    client: string,
    type: string,
    payload: JsonObject,
    more: { from?: string; replyTo?: string } = {},
  ): this {
    const frame = { type, ts: 0, ...more, payload };
    return this.#add(client, { kind: 'receive', frame, text: JSON.stringify(frame) });
  }

  send(client: string, n: number, more: Partial<Sent> = {}): this {
    return this.#add(client, { kind: 'send', id: `${client}-${n}`, type: 'chat.send', n, ...more });
  }

  hear(client: string, from: string, n: number): this {
    const text = marked(from, n);
    return this.receive(
      client,
      'chat.message',
      { messageId: `m-${from}-${n}`, text },
      { from: this.ids.get(from) ?? '' },
    );
  }

  ack(client: string, n: number, messageId = `m-${client}-${n}`): this {
    return this.receive(client, 'ack', { result: { messageId } }, { replyTo: `${client}-${n}` });
  }

  keep(client: string, n: number): this {
    this.said.push({ messageId: `m-${client}-${n}`, text: marked(client, n) });
    return this;
  }

  /** A message as it should be. */
  say(client: string, n: number, hearers: readonly string[]): this {
    this.send(client, n);
    for (const one of hearers) this.hear(one, client, n);
    return this.ack(client, n).keep(client, n);
  }

  close(client: string, code: number): this {
    return this.#add(client, { kind: 'close', by: 'server', code });
  }

  verdict(excuses?: Excuses, registry: readonly string[] = [...this.ids.values()]): string[] {
    const listed = registry.map((clientId) => ({
      ...{ clientId, roomId, connectionStatus: 'connected', isHost: clientId === 'a1' },
    }));
    const ending: Ending = { registry: listed, chat: new Map([[roomId, this.said]]) };
    return judge(this.entries, ending, excuses);
  }

  #add(client: string, entry: object): this {
    this.entries.push({ client, socket: this.#sockets.get(client) ?? 0, ...entry } as Entry);
    return this;
  }
}
