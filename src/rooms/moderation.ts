import type { RoomUpdate, ScreenShare, WaitingDecide } from '../../generated/messages.ts';
import type { Connection } from './connection.ts';
import { SignalboxError } from './errors.ts';
import type { Exclusion } from './exclusion.ts';
import { checkRank, grant, revoke, transfer } from './hosts.ts';
import type { Hub } from './hub.ts';
import type { Membership } from './membership.ts';
import type { Ready } from './ready.ts';
import { type Member, type Outcome, type Rule, update } from './room.ts';
import type { LocalRoomStore } from './room-store.ts';
import { startShare, stopShare } from './shares.ts';
import type { Views } from './views.ts';

/** What members do to the room that they are in: hosts to others, and whoever shares a screen. */
export class Moderation {
  readonly #rooms: LocalRoomStore;
  readonly #views: Views;
  readonly #hub: Hub;
  readonly #membership: Membership;
  readonly #exclusion: Exclusion;

  constructor(rooms: LocalRoomStore, views: Views, hub: Hub, membership: Membership, exclusion: Exclusion) {
    this.#rooms = rooms;
    this.#views = views;
    this.#hub = hub;
    this.#membership = membership;
    this.#exclusion = exclusion;
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

  /** Puts another member out of the channel, and keeps its user out for a while if `banSeconds` says so. */
  kick(
    sender: Connection,
    clientId: string,
    reason: string | undefined,
    banSeconds: number | undefined,
  ): Ready<void> {
    const target = this.#hub.memberOrWaiting(sender, clientId);
    if (target === sender) throw new SignalboxError('conflict', 'To go yourself, send session.leave.');
    const { channel, identity } = sender;
    if (banSeconds !== undefined && target.identity.userId === identity.userId) {
      throw new SignalboxError('conflict', 'You cannot ban yourself.');
    }
    // A ban puts out every session of the user, so each of them must be within reach.
    const sessions = banSeconds === undefined ? [target] : this.#exclusion.sessionsOf(target, channel);
    for (const session of sessions) checkRank(asMember(sender), asMember(session));
    return this.#exclusion.kick(target, {
      by: 'host',
      byUserId: identity.userId,
      reason,
      banSeconds,
      channel,
    });
  }

  /** Locks the channel, has newcomers wait, or the contrary, and tells everybody in it; nobody waits at an open door. */
  update(sender: Connection, change: RoomUpdate): void {
    this.#apply(sender, update(change));
    this.#hub.announce(sender, 'room.updated', { room: this.#views.room(sender) });
    if (change.admission === 'open') this.decide(sender, { clientId: 'all', decision: 'admit' });
  }

  /** Lets in who waits, or turns them away. */
  decide(sender: Connection, { clientId, decision, reason }: WaitingDecide): void {
    for (const waiting of this.#hub.waiting(sender, clientId)) {
      if (decision === 'admit') this.#membership.admit(waiting, sender);
      else this.#membership.deny(waiting, reason, sender);
    }
  }

  /** Shares a screen, and tells the others. */
  startShare(sender: Connection, share: ScreenShare): void {
    const isLost = (clientId: string) =>
      this.#hub.member(sender, clientId).connectionStatus === 'disconnected';
    this.#apply(sender, startShare(sender.channel, share, isLost));
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
