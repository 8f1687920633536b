import type { RoomUpdate, ScreenShare, WaitingDecide } from '../../generated/messages.ts';
import type { Connection } from './connection.ts';
import { SignalboxError } from './errors.ts';
import type { Exclusion } from './exclusion.ts';
import { checkRank, grant, revoke, transfer } from './hosts.ts';
import type { Membership } from './membership.ts';
import { allReady, type Ready, whenReady } from './ready.ts';
import { type Member, type Outcome, type Permit, permitted, type Rule, update } from './room.ts';
import type { RoomStore } from './room-store.ts';
import { startShare, stopShare } from './shares.ts';
import type { Views } from './views.ts';

/** What members do to the room that they are in: hosts to others, and whoever shares a screen. */
export class Moderation {
  readonly #rooms: RoomStore;
  readonly #views: Views;
  readonly #membership: Membership;
  readonly #exclusion: Exclusion;

  constructor(rooms: RoomStore, views: Views, membership: Membership, exclusion: Exclusion) {
    this.#rooms = rooms;
    this.#views = views;
    this.#membership = membership;
    this.#exclusion = exclusion;
  }

  grantHost(sender: Connection, to: string): Ready<unknown> {
    return this.#asHost(sender, () => grant(this.#views.member(sender, to).clientId));
  }

  transferHost(sender: Connection, to: string): Ready<unknown> {
    return this.#asHost(sender, () => transfer(sender.clientId, this.#views.member(sender, to).clientId));
  }

  revokeHost(sender: Connection, to: string): Ready<unknown> {
    return this.#asHost(sender, () => revoke(asMember(sender), asMember(this.#views.member(sender, to))));
  }

  /** Puts another member out of the channel, and keeps its user out for a while if `banSeconds` says so. */
  kick(
    sender: Connection,
    clientId: string,
    reason: string | undefined,
    banSeconds: number | undefined,
  ): Ready<unknown> {
    const target = this.#views.memberOrWaiting(sender, clientId);
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
      permit: hostOnly(sender),
    });
  }

  /** Locks the channel, has newcomers wait, or the contrary, and tells everybody in it; nobody waits at an open door. */
  update(sender: Connection, settings: RoomUpdate): Ready<unknown> {
    const updated = this.#asHost(sender, () => update(settings));
    return whenReady(updated, () => {
      if (settings.admission !== 'open') return;
      return allReady(this.#views.waiting(sender, 'all'), (waiting) =>
        this.#membership.admit(waiting, sender),
      );
    });
  }

  /** Lets in who waits, or turns them away. */
  decide(sender: Connection, { clientId, decision, reason }: WaitingDecide): Ready<unknown> {
    const permit = hostOnly(sender);
    return allReady(this.#views.waiting(sender, clientId), (waiting) =>
      decision === 'admit'
        ? this.#membership.admit(waiting, sender, permit)
        : this.#membership.deny(waiting, reason, sender, permit),
    );
  }

  /** Shares a screen, and tells the others. */
  startShare(sender: Connection, share: ScreenShare): Ready<unknown> {
    const isLost = (clientId: string) =>
      this.#views.member(sender, clientId).connectionStatus === 'disconnected';
    return this.#apply(sender, startShare(sender.channel, share, isLost));
  }

  stopShare(sender: Connection, shareId: string): Ready<unknown> {
    return this.#apply(sender, stopShare(sender.clientId, shareId));
  }

  /** Carries out what only a host may do, by the state that it changes: another node may have taken the role meanwhile. */
  #asHost(sender: Connection, rule: () => Rule<Outcome>): Ready<unknown> {
    return this.#apply(
      sender,
      permitted(hostOnly(sender), (state) => rule()(state)),
    );
  }

  #apply(sender: Connection, rule: Rule<Outcome>): Ready<unknown> {
    const asMember: Rule<Outcome> = (state) => {
      this.#views.member(sender, sender.clientId); // who may have been put out meanwhile
      return rule(state);
    };
    return this.#rooms.transaction(sender, asMember, sender.clientId);
  }
}

/** Permits what only a host may do. */
function hostOnly({ clientId }: Connection): Permit {
  return (state) => {
    if (state?.hosts.includes(clientId)) return;
    throw new SignalboxError('not_allowed', 'Only a host may do this.');
  };
}

function asMember({ clientId, identity }: Connection): Member {
  return { clientId, tokenHost: identity.host };
}
