import {
  emptyRoom,
  type Person,
  participant,
  type Room,
  tell,
  tellHosts,
  tellOfWaiting,
  told,
  without,
} from './people.ts';

/** Who comes, waits and goes, by the rules of the protocol. */

/** A newcomer joins, or one who waited. */
export function enter(room: Room, person: Person): void {
  const others = room.members;
  const isFirst = others.length === 0;
  room.lastOrder += 1;
  person.order = room.lastOrder;
  room.members = [...others, person];
  if (person.host || isFirst) room.hosts = [...room.hosts, person];
  const roster = room.members.map((member) => participant(room, member));
  const self = participant(room, person);
  tell([person], 'session.welcome', { self, room: told(room), roster, rosterTotal: roster.length });
  tell(others, 'presence.joined', { participants: [self] });
  if (person.host && !isFirst) tellHosts(room, 'joined', person);
}

/** A newcomer waits. */
export function wait(room: Room, person: Person): void {
  room.waiting = [...room.waiting, person];
  tell([person], 'admission.waiting', {});
  tellOfWaiting(room, person);
}

/** Whoever waits is let in; the host who decided knows of it. */
export function admit(room: Room, person: Person, by?: Person): void {
  stopWaiting(room, person, by);
  enter(room, person);
}

export function deny(room: Room, person: Person, reason: unknown, by: Person): void {
  tell([person], 'admission.denied', { reason });
  person.end = 4509;
  stopWaiting(room, person, by);
}

function stopWaiting(room: Room, person: Person, by?: Person): void {
  room.waiting = without(room.waiting, person);
  tell(without(room.hosts, by), 'waiting.left', { clientId: person.name });
}

export function kick(room: Room, person: Person, by: 'admin' | 'host'): void {
  tell([person], 'session.kicked', { by });
  person.end ??= 4500;
  leave(room, person, 'kicked');
}

/** The connection is cut: a member stays, and whoever waits does not. */
export function lose(room: Room, person: Person): void {
  person.end = 1006;
  if (room.waiting.includes(person)) return stopWaiting(room, person);
  room.lastLost += 1;
  person.lostSerial = room.lastLost;
  const others = without(room.members, person);
  tell(others, 'presence.updated', { clientId: person.name, connectionStatus: 'disconnected' });
}

/** Who was cut off goes on with its session, with a new token. */
export function resume(room: Room, person: Person, host: boolean): void {
  refresh(room, person, host);
  person.end = undefined;
  person.lostSerial = 0;
  tell(room.members, 'presence.updated', { clientId: person.name, connectionStatus: 'connected' });
}

/** Who of a user's has lost its connection, the earliest first. */
export function lostOf({ members }: Room, user: string): Person[] {
  const lost = members.filter((member) => member.user === user && member.lostSerial > 0);
  return lost.sort((one, other) => one.lostSerial - other.lostSerial);
}

/** Goes for good; who is gone already, goes without a word. */
export function leave(room: Room, person: Person, reason: string): void {
  if (room.waiting.includes(person)) return stopWaiting(room, person);
  if (!room.members.includes(person)) return;
  room.members = without(room.members, person);
  if (room.members.length === 0) return dismiss(room);
  tell(room.members, 'presence.left', { departures: [{ clientId: person.name, reason }] });
  for (const { name, by } of room.shares)
    if (by === person) tell(room.members, 'screen.stopped', { shareId: name });
  room.shares = room.shares.filter(({ by }) => by !== person);
  if (room.hosts.includes(person)) loseHost(room, person, 'left');
}

/** The last participant has gone, so that nobody is left who could let anybody in. */
function dismiss(room: Room): void {
  tell(room.waiting, 'room.closed', { by: 'empty' });
  for (const person of room.waiting) person.end = 4502;
  Object.assign(room, emptyRoom(room.place));
}

/** After the last host comes who is connected and longest present; where nobody is connected, who was lost last. */
function loseHost(room: Room, person: Person, reason: string): void {
  const { members, hosts } = room;
  const lost = members.toSorted((one, other) => other.lostSerial - one.lostSerial);
  const [heir] = [...members.filter(({ end }) => end === undefined), ...lost];
  const others = without(hosts, person);
  if (others.length > 0) {
    room.hosts = others;
    tellHosts(room, reason);
  } else if (heir && heir !== person) {
    room.hosts = [heir];
    tellHosts(room, 'elected', heir);
  }
}

/** A new token says the same of its user as before, or something else about hosting. */
export function refresh(room: Room, person: Person, host: boolean): void {
  const before = person.host;
  person.host = host;
  const isHost = room.hosts.includes(person);
  if (room.waiting.includes(person)) {
    if (host) admit(room, person);
  } else if (host && !before && !isHost) {
    room.hosts = [...room.hosts, person];
    tellHosts(room, 'refreshed', person);
  } else if (!host && before && isHost) loseHost(room, person, 'refreshed');
}

/** Everybody goes, and how many; a host who asked for it is told after the answer. */
export function close(room: Room, by: 'admin' | 'host', sender?: Person): number {
  const people = [...room.members, ...room.waiting];
  tell(without(people, sender), 'room.closed', { by });
  for (const person of people) person.end ??= 4502;
  Object.assign(room, emptyRoom(room.place));
  return people.length;
}

/** Tells everybody; says how many are connected. */
export function broadcast({ place, members, waiting }: Room): number {
  const readers = [...members, ...waiting];
  tell(readers, 'notice', { message: place.room });
  return readers.filter(({ end }) => end === undefined).length;
}
