import type { ScreenShare } from '../../generated/messages.ts';
import type { Connection } from './connection.ts';
import { SignalboxError } from './errors.ts';
import { checkRank, grant, revoke, transfer } from './hosts.ts';
import type { Hub } from './hub.ts';
import type { Membership } from './membership.ts';
import { lock, type Member, type Outcome, type Rule } from './room.ts';
import type { LocalRoomStore } from './room-store.ts';
import { startShare, stopShare } from './shares.ts';

/** What members do to the room that they are in: hosts to others, and whoever shares a screen. */
export class Moderation {
  readonly #rooms: LocalRoomStore;
  readonly #hub: Hub;
  readonly #membership: Membership;

  constructor(rooms: LocalRoomStore, hub: Hub, membership: Membership) {
    this.#rooms = rooms;
    this.#hub = hub;
    this.#membership = membership;
  }

  grantHost(sender: Connection, to: string): void {
    this.#apply(sender, grant(this.#hub.member(sender, to).clientId));
  }

  transferHost(sender: Connection, to: string): void {
    this.#apply(sender, transfer(sender.clientId, this.#hub.member(sender, to).clientId));
  }

  revokeHost(sender: Connection, to: string): void {
    this.#apply(sender, revoke(asMember(sender), asMember(this.#hub.member(sender, to))));
  }

  /** Puts another member out of the channel. */
  kick(sender: Connection, clientId: string, reason: string | undefined): void {
    const target = this.#hub.member(sender, clientId);
    if (target === sender) throw new SignalboxError('conflict', 'To go yourself, send session.leave.');
    checkRank(asMember(sender), asMember(target));
    this.#membership.kick(clientId, { by: 'host', ...(reason !== undefined && { reason }) });
  }

  /** Locks or unlocks the channel, and tells everybody in it. */
  lock(sender: Connection, locked: boolean): void {
    this.#apply(sender, lock(locked));
    this.#hub.announce(sender, 'room.updated', { room: this.#hub.room(sender) });
  }

  /** Shares a screen, and tells the others. */
  startShare(sender: Connection, share: ScreenShare): void {
    this.#apply(sender, startShare(sender.channel, share));
    const options = { from: sender.clientId, except: sender };
    this.#hub.announce(sender, 'screen.started', share, options);
  }

  stopShare(sender: Connection, shareId: string): void {
    this.#apply(sender, stopShare(sender.clientId, shareId));
  }

  #apply(sender: Connection, rule: Rule<Outcome>): void {
    this.#hub.tell(sender, this.#rooms.transaction(sender, rule), sender);
  }
}

function asMember({ clientId, identity }: Connection): Member {
  return { clientId, tokenHost: identity.host };
}
