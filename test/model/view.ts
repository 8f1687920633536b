import type { Json, JsonObject } from '../../src/codegen/documents.ts';
import { isObject } from '../../src/codegen/documents.ts';
import { type Frame, valueAt } from '../support/socket.ts';
import type { Client } from './clients.ts';

/** Frames after which nothing comes but the close. */
const last = new Set(['session.kicked', 'room.closed', 'admission.denied']);
/** What may come before the welcome, but for the answers to a client's own messages. */
const beforeWelcome = /^(admission\.(waiting|denied)|session\.kicked|room\.closed|notice)$/;

/**
 * What a client knows of its room, who reads nothing but its own frames: the roster of its welcome, and what changed
 * since. Throws where they make no sense together.
 */
export class View {
  readonly people = new Map<string, JsonObject>();
  hosts: Json[] = [];
  locked: Json | undefined;
  admission: Json | undefined;
  /** Who waits to be let in, as far as hosts are told. */
  readonly waiting = new Set<Json>();
  /** Who shares which screen, by `shareId`. */
  readonly shares = new Map<string, Json>();
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
    const { frames } = client.socket;
    const welcome = frames.findIndex(({ type }) => type === 'session.welcome');
    for (const [index, frame] of frames.entries()) {
      const isBefore = index < welcome || welcome === -1;
      if (isBefore && frame.replyTo === undefined && !beforeWelcome.test(frame.type))
        this.#fail('the room begins with the welcome', frame);
      if (!isBefore && index !== welcome && /^(session\.welcome|admission\.)/.test(frame.type))
        this.#fail('the welcome is one', frame);
      if ((frame.type === 'admission.waiting') !== (index === 0 && welcome !== 0))
        this.#fail('who waits is told so first, and once', frame);
      if (last.has(frame.type) && index < frames.length - 1) this.#fail('nothing follows', frame);
      this.#take(frame);
    }
  }

  /** As the roster should say it: who is host is what `host.changed` said last. */
  get roster(): JsonObject[] {
    return [...this.people.values()].map((person) => {
      const isHost = this.hosts.includes(person.clientId ?? null);
      return { ...person, isHost, role: isHost ? 'host' : 'participant' };
    });
  }

  #take(frame: Frame): void {
    const { type, payload, from } = frame;
    const { clientId } = payload;
    if (from !== undefined && !this.people.has(from)) this.#fail('`from` is somebody who is there', frame);
    const speaksForItself = /^(presence\.updated|media\.updated|screen\.started)$/.test(type);
    const speaker = payload.connectionStatus === undefined ? clientId : undefined;
    if (speaksForItself && from !== speaker) this.#fail('nobody speaks for others', frame);
    const isHost = this.hosts.includes(this.#client.clientId);
    if (type.startsWith('waiting.') && !isHost) this.#fail('hosts alone hear who waits', frame);
    if (from === this.#client.clientId && type !== 'chat.message')
      this.#fail('who causes it hears an answer', frame);
    switch (type) {
      case 'session.welcome':
        for (const person of list(payload.roster)) this.#meet(person);
        this.#enter(valueAt(payload, 'room'));
        if (!this.people.has(this.#client.clientId)) this.#fail('the roster includes self', frame);
        break;
      case 'presence.joined':
        for (const person of list(payload.participants)) this.#meet(person);
        break;
      case 'presence.left':
        for (const departure of list(payload.departures)) this.#part(valueAt(departure, 'clientId'), frame);
        break;
      case 'presence.updated':
      case 'media.updated':
        this.#change(payload);
        break;
      case 'host.changed':
        this.hosts = list(payload.hosts);
        if (this.hosts.length === 0 || !this.hosts.every((host) => this.people.has(String(host)))) {
          this.#fail('the hosts are there', frame);
        }
        if (!this.hosts.includes(this.#client.clientId)) this.waiting.clear();
        break;
      case 'waiting.joined':
        this.waiting.add(valueAt(payload.participant, 'clientId') ?? null);
        break;
      case 'waiting.left':
        if (!this.waiting.delete(clientId ?? null)) this.#fail('only who waited stops waiting', frame);
        break;
      case 'room.updated':
        this.#compareRoom(frame);
        this.#enter(payload.room);
        break;
      case 'screen.started':
        this.shares.set(String(payload.shareId), clientId ?? null);
        break;
      case 'screen.stopped':
        if (!this.shares.delete(String(payload.shareId)))
          this.#fail('only what was shared is stopped', frame);
        break;
      case 'ack':
        this.#succeed(this.#client.sent.get(String(frame.replyTo)), payload);
    }
  }

  /** A client's own doings are not announced to it: the answer tells. */
  #succeed(message: { type: string; payload: JsonObject } | undefined, { result }: JsonObject): void {
    const { clientId, place } = this.#client;
    const own = this.people.get(clientId);
    switch (message?.type) {
      case 'presence.update':
        return this.#change({ clientId, ...message.payload });
      case 'media.update':
        return this.#change({ clientId, media: { ...objectOf(own?.media), ...message.payload } });
      case 'screen.start':
        if (place.channel === 'screenshare') this.shares.clear();
        this.shares.set(String(valueAt(result, 'shareId')), clientId);
        return;
      case 'screen.stop':
        this.shares.delete(String(message.payload.shareId));
        return;
      case 'waiting.decide':
        if (message.payload.clientId !== 'all') this.waiting.delete(message.payload.clientId ?? null);
        else this.waiting.clear();
        return;
      case 'room.update':
        if (message.payload.admission === 'open') this.waiting.clear();
    }
  }

  #meet(person: Json): void {
    const known = objectOf(person);
    this.people.set(String(known.clientId), known);
    if (known.isHost && !this.hosts.includes(String(known.clientId))) this.hosts.push(String(known.clientId));
  }

  #part(clientId: Json | undefined, frame: Frame): void {
    if (!this.people.delete(String(clientId))) this.#fail('only who was there leaves', frame);
    this.hosts = this.hosts.filter((host) => host !== clientId);
  }

  #change(change: JsonObject): void {
    const person = this.people.get(String(change.clientId));
    if (person === undefined) throw new Error(`${this.#client.name}: who changed? ${JSON.stringify(change)}`);
    this.people.set(String(change.clientId), { ...person, ...change });
  }

  #compareRoom(frame: Frame): void {
    const { hosts, shares } = objectOf(frame.payload.room);
    const shareIds = list(shares).map((share) => String(valueAt(share, 'shareId')));
    const sameShares = shareIds.length === this.shares.size && shareIds.every((id) => this.shares.has(id));
    if (!sameShares || !isSameSet(list(hosts), this.hosts)) this.#fail('the room is as it was told', frame);
  }

  #enter(room: Json | undefined): void {
    const { locked, admission, hosts, shares } = objectOf(room);
    this.locked = locked;
    this.admission = admission;
    this.hosts = list(hosts);
    this.shares.clear();
    for (const share of list(shares)) {
      this.shares.set(String(valueAt(share, 'shareId')), valueAt(share, 'clientId') ?? null);
    }
  }

  #fail(rule: string, frame: Frame): never {
    throw new Error(`${this.#client.name}: ${rule}; but it got ${JSON.stringify(frame)}`);
  }
}

export function isSameSet(one: readonly Json[], other: readonly Json[]): boolean {
  return one.length === other.length && new Set([...one, ...other]).size === one.length;
}

function list(value: Json | undefined): Json[] {
  return Array.isArray(value) ? [...value] : [];
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}
