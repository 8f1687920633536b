import { isDeepStrictEqual } from 'node:util';
import type { Json, JsonObject } from '../../src/codegen/documents.ts';
import { valueAt } from '../support/socket.ts';
import type { Attendance, Client } from './clients.ts';
import { placeKey } from './deeds.ts';
import type { Stage } from './stage.ts';
import { isSameSet, View } from './view.ts';

/** What a socket closes with after its last frame. */
const closedAfter: Readonly<Record<string, number>> = {
  'session.kicked': 4500,
  'room.closed': 4502,
  'admission.denied': 4509,
};

/** What must be true whatever was done and in which order, as soon as nothing is under way any more. */
export async function checkQuiet(stage: Stage): Promise<void> {
  await stage.attendance(); // what was under way when the last client answered, the second answers come after
  const attendance = await stage.attendance();
  const { rosters, waiting } = attendance;
  const views = new Map(stage.clients.map((client) => [client, new View(client)]));
  const live = [...rosters.keys(), ...waiting];
  for (const client of stage.clients) {
    checkAnswers(client, live.includes(client));
    if (!live.includes(client)) await checkEnd(client);
  }
  checkTexts(stage, [...rosters.keys()]);
  for (const [client, roster] of rosters) {
    checkRoster(client, views.get(client), roster, stage.isSpread);
    checkWaiting(client, views.get(client), waiting);
  }
  checkPairs([...rosters.keys()], views);
  await checkRegistry(stage, attendance);
}

/** The next to come is told the same as those who were there all the time. Changes who is host. */
export async function checkNewcomers(stage: Stage): Promise<void> {
  const { rosters, waiting } = await stage.attendance();
  const insiders = new Map([...rosters.keys()].map((client) => [placeKey(client.place), client]));
  const pairs: [View, Client][] = [];
  for (const [key, insider] of insiders) {
    const before = new View(insider);
    const joined = await stage.join(
      `newcomer of ${key}`,
      insider.place,
      stage.node(pairs.length),
      'newcomer',
      true,
    );
    const newcomer = stage.clients.at(-1);
    if (joined !== 'joined' || !newcomer) throw new Error(`${key}: a newcomer with host: true was refused`);
    pairs.push([before, newcomer]);
  }
  await stage.attendance(); // the newcomers have heard who waits
  for (const [before, newcomer] of pairs) {
    const after = new View(newcomer);
    const same =
      after.locked === before.locked &&
      after.admission === before.admission &&
      isDeepStrictEqual(after.shares, before.shares) &&
      isSameSet(after.hosts, [...before.hosts, newcomer.clientId]);
    if (!same) throw new Error(`${newcomer.name} is told other than what was known`);
    checkWaiting(newcomer, after, waiting);
  }
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
  const due = left ? 1000 : closedAfter[String(frame?.type)];
  if (code !== due) throw new Error(`${name}: closed with ${code} after ${JSON.stringify(frame)}`);
}

/**
 * Every text says who sent it to whom: it comes from that client, in its own channel of its own room, to whom it was
 * meant for, once; and where it was acknowledged it comes to all of these. But for the last words of one whom another
 * node has put out when its own one does not know yet.
 */
function checkTexts(stage: Stage, live: readonly Client[]): void {
  const { clients } = stage;
  for (const sender of clients) {
    for (const [id, { type, payload, welcomed }] of sender.sent) {
      const text = textOf(payload);
      if (text === undefined) continue;
      const mayBeLost = stage.isSpread && !live.includes(sender);
      const isAcked =
        !mayBeLost && sender.socket.frames.some((frame) => frame.replyTo === id && frame.type === 'ack');
      const named = payload.to === undefined ? undefined : [payload.to].flat();
      for (const reader of clients) {
        const copies = reader.socket.frames.filter(({ payload: heard }) => textOf(heard) === text);
        const isMeant =
          placeKey(reader.place) === placeKey(sender.place) &&
          (reader === sender ? type === 'chat.send' : (named?.includes(reader.clientId) ?? true));
        const least = isMeant && isAcked && live.includes(reader) && welcomed.has(reader) ? 1 : 0;
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

function checkRoster(
  { name, place }: Client,
  view: View | undefined,
  roster: readonly Json[],
  isSpread: boolean,
): void {
  if (!isDeepStrictEqual(view?.roster, roster)) {
    const said = JSON.stringify(roster);
    throw new Error(
      `${name} knows ${JSON.stringify(view?.roster)}\n  but the roster of ${placeKey(place)} is ${said}`,
    );
  }
  // Of two nodes each has a clock of its own, and who came at the same moment is put in order by what both share.
  const since = roster.map((person) => valueAt(person, isSpread ? 'order' : 'joinedAt') ?? '');
  if (
    !isDeepStrictEqual(
      since,
      since.toSorted((one, other) => (one < other ? -1 : 1)),
    )
  )
    throw new Error(`${placeKey(place)}: not who was let in first comes first`);
  if (view?.hosts.length === 0) throw new Error(`${placeKey(place)} has people and no host`);
}

/** Each host knows who waits, and nobody else. */
function checkWaiting(
  { name, clientId, place }: Client,
  view: View | undefined,
  waiting: readonly Client[],
): void {
  const here = waiting.filter((client) => placeKey(client.place) === placeKey(place));
  const due = view?.hosts.includes(clientId) ? here.map((client) => client.clientId) : [];
  if (isSameSet([...(view?.waiting ?? [])], due)) return;
  throw new Error(`${name} knows that ${[...(view?.waiting ?? [])]} wait; but it should be ${due}`);
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

/** What the admin API lists is what the rosters say, and who waits; a channel where all are cut off has no roster. */
async function checkRegistry(stage: Stage, { rosters, waiting }: Attendance): Promise<void> {
  const known = new Set([...rosters.keys()].map(({ place }) => placeKey(place)));
  for (const room of new Set(stage.clients.map(({ place }) => place.room))) {
    const people = new Map<Json | undefined, JsonObject>();
    for (const [{ place }, roster] of rosters)
      for (const person of place.room === room ? roster : [])
        people.set(valueAt(person, 'clientId'), restOf(person, place.channel));
    const here = waiting.filter(({ place }) => place.room === room);
    const waits = new Set<Json | undefined>(here.map(({ clientId }) => clientId));
    const listed = (await stage.admin.registry(room)).map((one) => restOf(one, valueAt(one, 'channel')));
    const hosted = new Set(listed.filter(({ isHost }) => isHost).map(({ channel }) => channel));
    const isTrue = (one: JsonObject): boolean => {
      if (waits.has(one.clientId)) return !one.isHost && one.connectionStatus === 'connected';
      const hasRoster = known.has(`${one.channel}/${room}`);
      return hasRoster
        ? isDeepStrictEqual(one, people.get(one.clientId))
        : one.connectionStatus === 'disconnected';
    };
    const ids = new Set(listed.map(({ clientId }) => clientId));
    const isWhole = [...people.keys(), ...waits].every((clientId) => ids.has(clientId));
    if (isWhole && listed.every((one) => isTrue(one) && hosted.has(one.channel))) continue;
    const due = JSON.stringify([...people.values(), ...waits]);
    throw new Error(`/active lists ${JSON.stringify(listed)}\n  but there are ${due}`);
  }
}

function restOf(person: Json, channel: Json | undefined): JsonObject {
  const fields = ['clientId', 'userId', 'presenterName', 'isHost', 'joinedAt', 'connectionStatus'];
  const known = fields.map((field) => [field, valueAt(person, field) ?? null] as const);
  return { ...Object.fromEntries(known), channel: channel ?? null };
}
