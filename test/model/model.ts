import {
  admit,
  broadcast,
  close,
  deny,
  enter,
  kick,
  leave,
  lose,
  lostOf,
  refresh,
  resume,
  wait,
} from './attendance.ts';
import { type Deed, type Join, type Place, placeKey, places, type Send } from './deeds.ts';
import { emptyRoom, type Person, type Room, tell, tellHosts, told, without } from './people.ts';
import { hostsAfter, member, Refusal } from './rights.ts';

const maxSharesPerClient = 4;
const needsHost = /^(host\.|participant\.|room\.|waiting\.)/;
const mayWaiting = /^session\./;
const notInChat = /^(signal\.offer|media\.|screen\.)/;

/**
 * What protocol.md says, once more and as short as can be: after each deed it knows every frame that every client
 * must have got. Nothing in it comes from src/.
 */
export class Model {
  readonly people: Person[] = [];
  /** Who was cut off as a member, and whose time is not over; it may have been put out since, and cannot come back then. */
  lost: Person[] = [];
  readonly #rooms = new Map(places.map((place) => [placeKey(place), emptyRoom(place)]));

  /** Everybody with a connection, waiting ones too. */
  get live(): Person[] {
    return this.people.filter(({ end }) => end === undefined);
  }

  /** Everybody whom a room knows: whoever is there, is cut off or waits. */
  get there(): Person[] {
    const known = [...this.#rooms.values()].flatMap(({ members, waiting }) => [...members, ...waiting]);
    return this.people.filter((person) => known.includes(person));
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
      case 'adminKick': {
        const target = this.#person(deed.whom);
        kick(this.room(target.place), target, 'admin');
        return '200';
      }
      case 'adminClose':
      case 'adminBroadcast': {
        const rooms = [...this.#rooms.values()].filter(
          ({ place, members }) =>
            place.room === deed.room &&
            members.length > 0 &&
            (deed.channel ?? place.channel) === place.channel,
        );
        const counts = rooms.map((room) =>
          deed.do === 'adminClose' ? close(room, 'admin') : broadcast(room),
        );
        return rooms.length > 0 ? `200 ${counts.reduce((sum, count) => sum + count)}` : '404 undefined';
      }
      case 'resume': {
        const person = this.#person(deed.by);
        this.lost = without(this.lost, person);
        resume(this.room(person.place), person, deed.host);
        return 'resumed';
      }
      default:
        this.#go(this.#person(deed.by), deed.do);
        return 'gone';
    }
  }

  #person(name: string): Person {
    const person = this.people.find((one) => one.name === name);
    if (person === undefined) throw new Error(`the model has no ${name}`);
    return person;
  }

  #join({ name, user, place, node, host }: Join): string {
    const room = this.room(place);
    const [mine] = lostOf(room, user);
    const kept = room.locked || room.approval ? mine : undefined;
    if (room.locked && !host && !kept) return 'room_locked';
    const person: Person = {
      ...{ name, user, place, node, host, order: 0 },
      ...{ hand: false, metadata: undefined, media: { mic: 'off', camera: 'off', screen: 'off' } },
      ...{ hears: [], end: undefined, lostSerial: 0 },
    };
    this.people.push(person);
    const waits = room.approval && !host && !kept;
    (waits ? wait : enter)(room, person);
    if (kept) this.#go(kept, 'expire');
    return waits ? 'waits' : 'joined';
  }

  #go(person: Person, how: 'hangUp' | 'drop' | 'expire'): void {
    const room = this.room(person.place);
    switch (how) {
      case 'hangUp':
        person.end = 1000;
        return leave(room, person, 'left');
      case 'drop':
        if (room.members.includes(person)) this.lost.push(person);
        return lose(room, person);
      case 'expire':
        this.lost = without(this.lost, person);
        return leave(room, person, 'disconnected');
    }
  }

  #send({ by, id, type, payload }: Send): string {
    const sender = this.#person(by);
    const room = this.room(sender.place);
    try {
      if (room.waiting.includes(sender) && !mayWaiting.test(type)) throw new Refusal('not_allowed');
      if (notInChat.test(type) && sender.place.channel === 'chat') throw new Refusal('not_allowed');
      if (needsHost.test(type) && !room.hosts.includes(sender)) throw new Refusal('not_allowed');
      const result = this.#carryOut(room, sender, type, payload);
      const answer = type === 'session.refreshToken' ? 'session.tokenRefreshed' : 'ack';
      sender.hears.push({ type: answer, replyTo: id, payload: { result } });
      if (type === 'room.close') sender.hears.push({ type: 'room.closed', payload: { by: 'host' } });
      return answer;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      sender.hears.push({ type: 'error', replyTo: id, payload: { code: error.message } });
      return error.message;
    }
  }

  /** Gives the result in the ack, where the message has one. */
  #carryOut(room: Room, sender: Person, type: string, payload: Send['payload']): object | undefined {
    const { hosts } = room;
    const others = without(room.members, sender);
    const from = sender.name;
    switch (type) {
      case 'session.leave':
        this.#go(sender, 'hangUp');
        return undefined;
      case 'session.refreshToken':
        refresh(room, sender, payload.host === true);
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
        const author = { userId: sender.user, presenterName: from };
        tell(readers, 'chat.message', { ...author, text: payload.text, private: to !== undefined }, from);
        return {};
      }
      case 'host.grant':
      case 'host.transfer':
      case 'host.revoke': {
        const to = member(room, payload.to);
        room.hosts = hostsAfter(type, hosts, sender, to);
        const reason = { grant: 'granted', transfer: 'transferred', revoke: 'revoked' }[type.slice(5)];
        const isNew = room.hosts.includes(to) && !hosts.includes(to);
        if (room.hosts !== hosts) tellHosts(room, reason ?? type, isNew ? to : undefined);
        return undefined;
      }
      case 'participant.kick': {
        const target = member({ members: [...room.members, ...room.waiting] }, payload.clientId);
        if (target === sender) throw new Refusal('conflict');
        if (target.host && !sender.host) throw new Refusal('not_allowed');
        kick(room, target, 'host');
        return undefined;
      }
      case 'room.update':
        room.locked = Boolean(payload.locked ?? room.locked);
        room.approval = payload.admission === undefined ? room.approval : payload.admission === 'approval';
        tell(room.members, 'room.updated', { room: told(room) });
        if (!room.approval) for (const one of room.waiting) admit(room, one, sender);
        return undefined;
      case 'waiting.decide': {
        const { clientId, decision, reason } = payload;
        const chosen = room.waiting.filter(({ name }) => name === clientId || clientId === 'all');
        if (clientId !== 'all' && chosen.length === 0) throw new Refusal('peer_not_found');
        for (const one of chosen)
          if (decision === 'admit') admit(room, one, sender);
          else deny(room, one, reason, sender);
        return undefined;
      }
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
    const others = without(room.members, sender);
    const own = room.shares.filter(({ by }) => by === sender);
    if (room.place.channel === 'screenshare') {
      const isFree = room.shares.every(({ by }) => by === sender || by.lostSerial > 0);
      if (!isFree && !room.hosts.includes(sender)) throw new Refusal('screen_busy');
      for (const share of room.shares) tell(others, 'screen.stopped', { shareId: share.name }, sender.name);
      room.shares = [];
    } else if (own.length === maxSharesPerClient) throw new Refusal('conflict');
    room.shares.push({ name, by: sender });
    tell(others, 'screen.started', { shareId: name, clientId: sender.name, label: name }, sender.name);
    return { shareId: name };
  }
}
