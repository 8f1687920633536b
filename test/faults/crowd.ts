import { expect, vi } from 'vitest';
import { admin } from '../support/admin.ts';
import type { Cluster, ClusterNode, Door } from '../support/cluster.ts';
import { join, type TestSocket, valueAt } from '../support/socket.ts';

/** A client of a test, and where it is. */
export interface Guest {
  readonly socket: TestSocket;
  readonly clientId: string;
  readonly roomId: string;
  readonly node: ClusterNode;
}

/** Joins a room of the zoom channel, where one may signal and chat, by one node. */
export async function enter(node: ClusterNode, roomId: string, sub = 'user_123'): Promise<Guest> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      const { socket, clientId } = await join(node, `/ws/zoom/${roomId}`, node.token({ sub }));
      return { socket, clientId, roomId, node };
    } catch (error) {
      // A busy machine may be slower than is promised: a client tries again, as it is told to.
      const isSlow = /"code":"degraded"|closed with 1012/.test(String(error));
      if (attempts === 3 || !isSlow) throw error;
      await new Promise((later) => setTimeout(later, 1_000));
    }
  }
}

/**
 * Seats guests in rooms, a few at a time: `rooms` says of each which nodes its members come by, in the order in which
 * they join.
 */
export async function seat({ nodes }: Cluster, rooms: readonly (readonly number[])[]): Promise<Guest[]> {
  const seated: Guest[] = [];
  for (const [index, members] of rooms.entries()) {
    for (const [seat, n] of members.entries()) {
      const node = nodes[n];
      if (node === undefined) throw new Error(`there is no node ${n}`);
      seated.push(await enter(node, `room-${index}`, `user-${seat}`));
    }
  }
  return seated;
}

/** The ids of all connections, as one node lists them; complete, unless the answer says that it is not. */
export async function listed(door: Door, query = ''): Promise<string[]> {
  const response = await admin(door, 'GET', `/connections/active${query}`);
  expect(response.status).toBe(200);
  expect(response.headers.get('signalbox-partial')).toBeNull();
  const list: { id: string }[] = await response.json();
  return list.map(({ id }) => id).toSorted();
}

/** The participants of a guest's room as the node of that guest knows them, in their order, hosts marked. */
export async function roster({ socket }: Guest): Promise<string[]> {
  const { payload } = await socket.ask('presence.list', { limit: 200 });
  const participants = valueAt(payload, 'participants');
  if (!Array.isArray(participants)) throw new Error(`no roster: ${JSON.stringify(payload)}`);
  return participants.map((one) => `${valueAt(one, 'clientId')}${valueAt(one, 'isHost') ? ' (host)' : ''}`);
}

/** What a guest's socket closes with; fails where it does not in time. */
export async function closeOf({ socket, clientId, node }: Guest, withinMs: number): Promise<number> {
  let late: NodeJS.Timeout | undefined;
  const never = new Promise<never>((_, reject) => {
    late = setTimeout(
      () => reject(new Error(`${clientId} is connected after ${withinMs} ms\n${node.process.lastWords}`)),
      withinMs,
    );
  });
  try {
    return (await Promise.race([socket.closed, never])).code;
  } finally {
    clearTimeout(late);
  }
}

/** Ids of all who left as one guest heard it, with repeats. */
export function departed({ socket }: Guest): string[] {
  return socket.frames
    .filter(({ type }) => type === 'presence.left')
    .flatMap(({ payload }) => payload.departures as { clientId: string }[])
    .map(({ clientId }) => clientId)
    .toSorted();
}

/** Ids of all who came as one guest heard it, with repeats. */
export function joined({ socket }: Guest): string[] {
  return socket.frames
    .filter(({ type }) => type === 'presence.joined')
    .flatMap(({ payload }) => payload.participants as { clientId: string }[])
    .map(({ clientId }) => clientId)
    .toSorted();
}

/** How many frames a guest has had, so that one can look at those that come later. */
export const heard = ({ socket }: Guest): number => socket.frames.length;

/** Fails unless it holds in time; asks again and again, not more often than a busy machine can bear. */
export function within(ms: number, holds: () => unknown): Promise<unknown> {
  return vi.waitFor(holds, { timeout: ms, interval: 200 });
}

/** The guests of the same room, the one included. */
export const roommates = (guests: readonly Guest[], { roomId }: Guest): Guest[] =>
  guests.filter((one) => one.roomId === roomId);

/** In every room all nodes have the same roster, which holds these guests, in the order in which they joined. */
export async function expectOneView(guests: readonly Guest[]): Promise<void> {
  const rosters = new Map<string, string[]>();
  for (const guest of guests) {
    const seen = await roster(guest);
    const first = rosters.get(guest.roomId) ?? seen;
    rosters.set(guest.roomId, first);
    expect(seen).toEqual(first);
    const ids = seen.map((entry) => entry.split(' ')[0]);
    expect(ids).toEqual(roommates(guests, guest).map(({ clientId }) => clientId));
    expect(seen.some((entry) => entry.endsWith(' (host)'))).toBe(true);
  }
}

/** What one says, another node's guest hears. */
export async function expectTalk(from: Guest, to: Guest, text: string): Promise<void> {
  expect((await from.socket.ask('chat.send', { text })).type).toBe('ack');
  await to.socket.next(({ type, payload }) => type === 'chat.message' && payload.text === text, 1000);
}
