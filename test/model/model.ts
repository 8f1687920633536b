import type { Json } from '../../src/codegen/documents.ts';
import { type Deed, type Join, type Place, placeKey, places, type Send } from './deeds.ts';
import { close, emptyRoom, type Person, participant, type Room, tell, tellHosts, told } from './people.ts';

/** The code of the error that answers a message. */
class Refusal extends Error {}

const maxSharesPerClient = 4;
const needsHost = /^(host\.|participant\.|room\.)/;
const notInChat = /^(signal\.offer|media\.|screen\.)/;

/**
 * What protocol.md says, once more and as short as can be: after each deed it knows every frame that every client
 * must have got. Nothing in it comes from src/.
 */
export class Model {
  readonly people: Person[] = [];
  readonly #rooms = new Map(places.map((place) => [placeKey(place), emptyRoom(place)]));

  get live(): Person[] {
    return this.people.filter(({ end }) => end === undefined);
  }

  room(place: Place): Room {
    return this.#rooms.get(placeKey(place)) ?? emptyRoom(place);
  }

  /** Carries a deed out; says how it ends, as `Stage.perform` does. */
  apply(deed: Deed): string {
    switch (deed.do) {
      case 'join':
        return this.#join(deed);
      case 'send':
        return this.#send(deed);
      case 'adminKick':
        this.#kick(this.#person(deed.whom), 'admin');
        return '200';
      case 'adminClose': {
        const rooms = [...this.#rooms.values()].filter(
          ({ place, members }) =>
            place.room === deed.room &&
            members.length > 0 &&
            (deed.channel ?? place.channel) === place.channel,
        );
        const count = rooms.reduce((sum, { members }) => sum + members.length, 0);
        for (const room of rooms) close(room, 'admin');
        return count > 0 ? `200 ${count}` : '404 undefined';
      }
      default:
        this.#leave(this.#person(deed.by), deed.do === 'drop' ? 1006 : 1000);
        return 'gone';
    }
  }

  #person(name: string): Person {
    const person = this.people.find((one) => one.name === name);
    if (person === undefined) throw new Error(`the model has no ${name}`);
    return person;
  }

  #join({ name, user, place, host }: Join): string {
    const room = this.room(place);
    if (room.locked && !host) return 'room_locked';
    room.lastOrder += 1;
    const person: Person = {
      ...{ name, user, place, host, order: room.lastOrder },
      ...{ hand: false, metadata: undefined, media: { mic: 'off', camera: 'off', screen: 'off' } },
      ...{ hears: [], end: undefined },
    };
    const isFirst = room.members.length === 0;
    const others = room.members;
    this.people.push(person);
    room.members = [...others, person];
    if (host || isFirst) room.hosts.push(person);
    const roster = room.members.map((member) => participant(room, member));
    const self = participant(room, person);
    tell([person], 'session.welcome', { self, room: told(room), roster, rosterTotal: roster.length });
    tell(others, 'presence.joined', { participants: [self] });
    if (host && !isFirst) tellHosts(room, 'joined');
    return 'joined';
  }

  #send({ by, id, type, payload }: Send): string {
    const sender = this.#person(by);
    const room = this.room(sender.place);
    try {
      if (notInChat.test(type) && sender.place.channel === 'chat') throw new Refusal('not_allowed');
      if (needsHost.test(type) && !room.hosts.includes(sender)) throw new Refusal('not_allowed');
      const result = this.#carryOut(room, sender, type, payload);
      sender.hears.push({ type: 'ack', replyTo: id, payload: { result } });
      if (type === 'room.close') sender.hears.push({ type: 'room.closed', payload: { by: 'host' } });
      return 'ack';
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      sender.hears.push({ type: 'error', replyTo: id, payload: { code: error.message } });
      return error.message;
    }
  }

  /** Gives the result in the ack, where the message has one. */
  #carryOut(room: Room, sender: Person, type: string, payload: Send['payload']): object | undefined {
    const { hosts } = room;
    const others = room.members.filter((member) => member !== sender);
    const from = sender.name;
    switch (type) {
      case 'session.leave':
        this.#leave(sender, 1000);
        return undefined;
      case 'presence.update':
        sender.hand = Boolean(payload.handRaised ?? sender.hand);
        sender.metadata = payload.metadata ?? sender.metadata;
        tell(others, 'presence.updated', { clientId: from, ...payload }, from);
        return undefined;
      case 'media.update':
        sender.media = { ...sender.media, ...payload };
        tell(others, 'media.updated', { clientId: from, media: sender.media }, from);
        return undefined;
      case 'signal.offer':
        tell([member(room, payload.to, sender)], type, { sdp: payload.sdp }, from);
        return undefined;
      case 'chat.send': {
        const to = Array.isArray(payload.to) ? payload.to.map((name) => member(room, name)) : undefined;
        const readers = room.members.filter((one) => one === sender || (to?.includes(one) ?? true));
        const author = { userId: sender.user, presenterName: sender.user.toUpperCase() };
        tell(readers, 'chat.message', { ...author, text: payload.text, private: to !== undefined }, from);
        return {};
      }
      case 'host.grant':
      case 'host.transfer':
      case 'host.revoke': {
        const to = member(room, payload.to);
        room.hosts = hostsAfter(type, hosts, sender, to);
        const reason = { grant: 'granted', transfer: 'transferred', revoke: 'revoked' }[type.slice(5)];
        if (room.hosts !== hosts) tellHosts(room, reason ?? type);
        return undefined;
      }
      case 'participant.kick': {
        const target = member(room, payload.clientId);
        if (target === sender) throw new Refusal('conflict');
        if (target.host && !sender.host) throw new Refusal('not_allowed');
        this.#kick(target, 'host');
        return undefined;
      }
      case 'room.update':
        room.locked = payload.locked === true;
        tell(room.members, 'room.updated', { room: told(room) });
        return undefined;
      case 'room.close':
        close(room, 'host', sender);
        return undefined;
      case 'screen.start':
        return this.#share(room, sender, String(payload.label));
      case 'screen.stop': {
        const share = room.shares.find(({ name }) => name === payload.shareId);
        if (share === undefined) throw new Refusal('share_not_found');
        if (share.by !== sender && !hosts.includes(sender)) throw new Refusal('not_allowed');
        room.shares = room.shares.filter((one) => one !== share);
        tell(others, 'screen.stopped', { shareId: share.name }, from);
        return undefined;
      }
      default:
        throw new Error(`the model knows no ${type}`);
    }
  }

  #share(room: Room, sender: Person, name: string): object {
    const others = room.members.filter((member) => member !== sender);
    const own = room.shares.filter(({ by }) => by === sender);
    if (room.place.channel === 'screenshare') {
      if (own.length < room.shares.length && !room.hosts.includes(sender)) throw new Refusal('screen_busy');
      for (const share of room.shares) tell(others, 'screen.stopped', { shareId: share.name }, sender.name);
      room.shares = [];
    } else if (own.length === maxSharesPerClient) throw new Refusal('conflict');
    room.shares.push({ name, by: sender });
    tell(others, 'screen.started', { shareId: name, clientId: sender.name, label: name }, sender.name);
    return { shareId: name };
  }

  #kick(target: Person, by: 'admin' | 'host'): void {
    tell([target], 'session.kicked', { by });
    this.#leave(target, 4500);
  }

  #leave(person: Person, end: number): void {
    person.end = end;
    const room = this.room(person.place);
    room.members = room.members.filter((member) => member !== person);
    const reason = end === 4500 ? 'kicked' : end === 1006 ? 'disconnected' : 'left';
    tell(room.members, 'presence.left', { departures: [{ clientId: person.name, reason }] });
    for (const { name, by } of room.shares)
      if (by === person) tell(room.members, 'screen.stopped', { shareId: name });
    room.shares = room.shares.filter(({ by }) => by !== person);
    const wasHost = room.hosts.includes(person);
    room.hosts = room.hosts.filter((host) => host !== person);
    const [eldest] = room.members;
    if (eldest === undefined) Object.assign(room, emptyRoom(room.place));
    else if (room.hosts.length > 0) wasHost && tellHosts(room, 'left');
    else {
      room.hosts = [eldest];
      tellHosts(room, 'elected');
    }
  }
}

/** The same list where nothing changes. */
function hostsAfter(type: string, hosts: Person[], sender: Person, to: Person): Person[] {
  const without = hosts.filter((host) => host !== to);
  if (type === 'host.grant') return hosts.includes(to) ? hosts : [...hosts, to];
  if (type === 'host.transfer')
    return to === sender ? hosts : [...without.filter((host) => host !== sender), to];
  if (!hosts.includes(to)) return hosts;
  if (to !== sender && to.host && !sender.host) throw new Refusal('not_allowed');
  if (without.length === 0) throw new Refusal('conflict');
  return without;
}

function member({ members }: Room, name: Json | undefined, except?: Person): Person {
  const found = members.find((one) => one.name === name && one !== except);
  if (found === undefined) throw new Refusal('peer_not_found');
  return found;
}
