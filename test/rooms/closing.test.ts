import { expect, test } from 'vitest';
import { behind, openRooms, unreachable } from '../support/domain.ts';

const closed = { by: 'host' } as const;

test('where the store answers at once, the room is over in the same tick', () => {
  const { join, closing } = openRooms();
  const [host, other] = [join('host'), join('other')];
  expect(closing.closeRoom('r', 'chat', closed, host.connection)).toBe(2);
  expect(other.told).toEqual(['room.closed', 'room_closed']);
  expect(host.told).toEqual(['room_closed']); // when its message has been answered
});

test('what was said is forgotten before anybody is told; nobody who comes meanwhile is left behind', async () => {
  const gate = Promise.withResolvers<void>();
  const { history } = openRooms();
  const { join, closing } = openRooms({ history: behind(history, () => gate.promise) });
  const first = join('first');
  const ended = closing.closeRoom('r', undefined, { by: 'admin' });
  const second = join('second', 'zoom');
  expect([first.told, second.told]).toEqual([[], []]);
  gate.resolve();
  expect(await ended).toBe(2);
  for (const { told } of [first, second]) expect(told).toEqual(['room.closed', 'room_closed']);
});

test('where the history cannot be forgotten, nothing ends', async () => {
  const { history } = openRooms();
  const { join, closing } = openRooms({ history: behind(history, unreachable) });
  const { told } = join('first');
  await expect(closing.closeRoom('r', 'chat', { by: 'admin' })).rejects.toThrow('no store');
  expect(told).toEqual([]);
});
