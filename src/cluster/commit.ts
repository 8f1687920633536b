import { randomUUID } from 'node:crypto';
import { SignalboxError } from '../rooms/errors.ts';
import type { Change, Outcome } from '../rooms/room.ts';
import type { EventBody, Replica } from './replica.ts';
import type { Commit } from './room-scripts.ts';

/** What a rule leaves, as a script compares and sets it, and as the nodes hear of it. */
export interface Proposal {
  readonly commit: Omit<Commit, 'publishCommand' | 'channel' | 'head' | 'body'>;
  readonly body: EventBody;
}

/**
 * Has a rule's outcome compared with what the rule was run on.
 *
 * @param roomSize how many there may be where somebody comes
 * @param cause the `clientId` of who makes the change
 */
export function proposalOf(
  replica: Replica,
  outcome: Outcome,
  roomSize: number,
  cause: string | undefined,
): Proposal {
  const { change, state } = outcome;
  const isChanged = state !== replica.state;
  // Of a room that has ended nothing is left, its version neither.
  const nextVersion = isChanged && state !== undefined ? randomUUID() : '';
  const came = change?.type === 'joined' || change?.type === 'waits' ? change.member : undefined;
  const moved = change?.type === 'went' || change?.type === 'admitted' ? change.clientId : '';
  return {
    commit: {
      incarnation: replica.incarnation,
      version: replica.version,
      type: change?.type === 'went' && change.waited ? 'stopped' : (change?.type ?? ''),
      clientId: came?.clientId ?? moved,
      joinedAt: came?.joinedAt ?? (change?.type === 'admitted' ? change.joinedAt : ''),
      record: came ? JSON.stringify(came) : '',
      state: isChanged ? (state === undefined ? '-' : JSON.stringify(state)) : '',
      nextVersion,
      // Nobody has anything who has gone, such as a share of its screen.
      required: outcome.promoted ?? (change === undefined ? cause : undefined) ?? '',
      maxSize: came && outcome.hasPlace !== true ? roomSize : 0,
      nextIncarnation: randomUUID(),
    },
    body: {
      ...outcome,
      state: isChanged ? (state ?? null) : undefined,
      version: isChanged ? nextVersion : undefined,
      cause,
    },
  };
}

/** Whether somebody comes by it. */
export function isComing(
  change: Change | undefined,
): change is Extract<Change, { type: 'joined' | 'waits' }> {
  return change?.type === 'joined' || change?.type === 'waits';
}

/** Whether one or all go by it. */
export function endsSessions(change: Change | undefined): boolean {
  return change?.type === 'went' || change?.type === 'dissolved';
}

/** Whether a rule has refused it, rather than Redis. */
export function isRefused(error: unknown): boolean {
  return error instanceof SignalboxError && error.code !== 'degraded';
}
