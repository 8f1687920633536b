import { isDeepStrictEqual } from 'node:util';
import { isObject, type Json, type JsonObject } from '../../src/codegen/documents.ts';
import { type Frame, valueAt } from '../support/socket.ts';
import { placeKey } from './deeds.ts';
import type { Model } from './model.ts';
import type { Expected } from './people.ts';
import type { Client, Stage } from './stage.ts';
import { isSameSet, View } from './view.ts';

/** What must be true whatever was done and in which order, as soon as nothing is under way any more. */
export async function checkQuiet(stage: Stage): Promise<void> {
  await stage.rosters(); // what was under way when the last client answered, the second answers come after
  const rosters = await stage.rosters();
  const views = new Map(stage.clients.map((client) => [client, new View(client)]));
  for (const client of stage.clients) {
    checkAnswers(client, rosters.has(client));
    if (!rosters.has(client)) await checkEnd(client);
  }
  checkTexts(stage, [...rosters.keys()]);
  for (const [client, roster] of rosters) checkRoster(client, views.get(client), roster);
  checkPairs([...rosters.keys()], views);
  await checkRegistry(stage, rosters);
}

/** The next to come is told the same as those who were there all the time. Changes who is host. */
export async function checkNewcomers(stage: Stage): Promise<void> {
  const rosters = await stage.rosters();
  const insiders = new Map([...rosters.keys()].map((client) => [placeKey(client.place), client]));
  for (const [key, insider] of insiders) {
    const before = new View(insider);
    const joined = await stage.join(`newcomer of ${key}`, insider.place, 'newcomer', true);
    const newcomer = stage.clients.at(-1);
    if (joined !== 'joined' || !newcomer) throw new Error(`${key}: a newcomer with host: true was refused`);
    const after = new View(newcomer);
    const same =
      after.locked === before.locked &&
      isDeepStrictEqual(after.shares, before.shares) &&
      isSameSet(after.hosts, [...before.hosts, newcomer.clientId]);
    if (!same) throw new Error(`${key}: a newcomer is told other than what ${insider.name} knows`);
  }
}

/** Every frame that every client got is the one that the model foretells. */
export function checkModel(model: Model, stage: Stage): void {
  for (const { name, hears, end } of model.people) {
    const client = stage.clients.find((one) => one.name === name);
    const got = (client?.socket.frames ?? []).filter(({ type }) => type !== 'presence.roster');
    const isCut = end === 1006;
    for (let i = 0; i < Math.max(hears.length, got.length); i += 1) {
      const [wanted, frame] = [hears[i], got[i]];
      if (frame === undefined && isCut) break; // what was on its way is lost
      if (wanted && frame && isAsExpected(frame, wanted, stage)) continue;
      throw new Error(
        `frame ${i + 1} of ${name}\n  should be ${JSON.stringify(wanted)}\n  but is   ${JSON.stringify(frame)}`,
      );
    }
  }
}

function isAsExpected(frame: Frame, { type, from, replyTo, payload }: Expected, stage: Stage): boolean {
  const { from: sender } = frame;
  return (
    frame.type === type &&
    frame.replyTo === replyTo &&
    (sender && stage.nameOf(sender)) === from &&
    includes(frame.payload, payload, stage)
  );
}

/** Whether a value is what is wanted, or more. */
function includes(value: Json | undefined, wanted: unknown, stage: Stage): boolean {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(value) || value.length !== wanted.length) return false;
    return wanted.every((one, i) => includes(value[i], one, stage));
  }
  if (typeof wanted !== 'object' || wanted === null) {
    return (typeof value === 'string' ? stage.nameOf(value) : value) === wanted;
  }
  return isObject(value) && Object.entries(wanted).every(([key, one]) => includes(value[key], one, stage));
}

/** Each id is answered once; where the client is gone, at most once. */
function checkAnswers({ name, socket, sent }: Client, isLive: boolean): void {
  const answers = new Map<string, number>();
  for (const { replyTo } of socket.frames) {
    if (replyTo !== undefined) answers.set(replyTo, (answers.get(replyTo) ?? 0) + 1);
  }
  for (const [id, count] of answers) {
    if (count > 1 || !sent.has(id)) throw new Error(`${name}: ${count} answers to ${id}`);
  }
  for (const [id, { type }] of sent) {
    if (isLive && !answers.has(id)) throw new Error(`${name}: no answer to ${id}, ${type}`);
  }
}

/** A socket that the server closed was told why. */
async function checkEnd({ name, socket, sent, cut }: Client): Promise<void> {
  if (cut) return;
  const { code } = await socket.closed;
  const frame = socket.frames.at(-1);
  const left = frame?.type === 'ack' && sent.get(String(frame.replyTo))?.type === 'session.leave';
  const due = left ? 1000 : { 'session.kicked': 4500, 'room.closed': 4502 }[String(frame?.type)];
  if (code !== due) throw new Error(`${name}: closed with ${code} after ${JSON.stringify(frame)}`);
}

/**
 * Every text says who sent it to whom: it comes from that client, in its own channel of its own room, to whom it was
 * meant for, once; and where it was acknowledged it comes to all of these.
 */
function checkTexts({ clients }: Stage, live: readonly Client[]): void {
  for (const sender of clients) {
    for (const [id, { at, type, payload }] of sender.sent) {
      const text = textOf(payload);
      if (text === undefined) continue;
      const isAcked = sender.socket.frames.some((frame) => frame.replyTo === id && frame.type === 'ack');
      const named = payload.to === undefined ? undefined : [payload.to].flat();
      for (const reader of clients) {
        const copies = reader.socket.frames.filter(({ payload: heard }) => textOf(heard) === text);
        const isMeant =
          placeKey(reader.place) === placeKey(sender.place) &&
          (reader === sender ? type === 'chat.send' : (named?.includes(reader.clientId) ?? true));
        const least = isMeant && isAcked && live.includes(reader) && reader.since < at ? 1 : 0;
        const isTrue = copies.every(({ from }) => from === sender.clientId);
        if (isTrue && copies.length >= least && copies.length <= (isMeant ? 1 : 0)) continue;
        const what = JSON.stringify(copies.map(({ from, ...frame }) => ({ from, type: frame.type })));
        throw new Error(`${reader.name} got ${what} for the ${type} ${text} of ${sender.name} to ${named}`);
      }
    }
  }
}

function textOf({ text, sdp, metadata }: JsonObject): Json | undefined {
  return text ?? sdp ?? valueAt(metadata, 'note');
}

function checkRoster({ name, place }: Client, view: View | undefined, roster: readonly Json[]): void {
  if (!isDeepStrictEqual(view?.roster, roster)) {
    const said = JSON.stringify(roster);
    throw new Error(
      `${name} knows ${JSON.stringify(view?.roster)}\n  but the roster of ${placeKey(place)} is ${said}`,
    );
  }
  if (view?.hosts.length === 0) throw new Error(`${placeKey(place)} has people and no host`);
}

/** Of two peers one is polite, and each knows which. */
function checkPairs(live: readonly Client[], views: ReadonlyMap<Client, View>): void {
  for (const one of live) {
    for (const other of live) {
      if (one === other || placeKey(one.place) !== placeKey(other.place)) continue;
      const [polite, alsoPolite] = [
        isPolite(one, other, views.get(one)),
        isPolite(other, one, views.get(other)),
      ];
      if (polite !== !alsoPolite) {
        throw new Error(
          `${one.name} (polite: ${polite}) and ${other.name} (polite: ${alsoPolite}) do not agree`,
        );
      }
    }
  }
}

function isPolite(self: Client, peer: Client, view: View | undefined): boolean {
  return Number(view?.people.get(self.clientId)?.order) > Number(view?.people.get(peer.clientId)?.order);
}

/** What the admin API lists is what the rosters say, in the same order. */
async function checkRegistry(stage: Stage, rosters: ReadonlyMap<Client, Json[]>): Promise<void> {
  const rooms = new Set(stage.clients.map(({ place }) => place.room));
  for (const room of rooms) {
    const listed = await stage.registry(room);
    const clients = [...rosters].filter(([{ place }]) => place.room === room);
    const expected = new Map<string, JsonObject>();
    for (const [{ place }, roster] of clients) {
      for (const person of roster)
        expected.set(String(valueAt(person, 'clientId')), restOf(person, place.channel));
    }
    const known = listed.map((connection) => restOf(connection, valueAt(connection, 'channel')));
    const isWhole = known.length === expected.size && clients.length === expected.size;
    if (isWhole && known.every((one) => isDeepStrictEqual(one, expected.get(String(one.clientId))))) continue;
    throw new Error(
      `/active lists ${JSON.stringify(known)}\n  but there are ${JSON.stringify([...expected.values()])}`,
    );
  }
}

function restOf(person: Json, channel: Json | undefined): JsonObject {
  const fields = ['clientId', 'userId', 'presenterName', 'isHost', 'joinedAt', 'connectionStatus'];
  const known = fields.map((field) => [field, valueAt(person, field) ?? null] as const);
  return { ...Object.fromEntries(known), channel: channel ?? null };
}
