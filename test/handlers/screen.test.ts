import { expect, test } from 'vitest';
import { screenHandlers } from '../../src/handlers/messages/screen.ts';
import { SignalboxError } from '../../src/rooms/errors.ts';
import { openRooms, unnumbered } from '../support/domain.ts';

const again = { ...unnumbered, id: 's1' };

/** A room whose changes are made, or not, without a word of it: their maker is told `degraded`. */
function openFrail() {
  const { join, moderation, rooms, views } = openRooms();
  const screen = screenHandlers(moderation);
  const sharer = join('sharer', 'zoom');
  const other = join('other', 'zoom');
  const transaction: typeof rooms.transaction = rooms.transaction.bind(rooms);
  const fail = (isMade: boolean) => {
    rooms.transaction = (...about) => {
      if (isMade) transaction(...about);
      rooms.transaction = transaction;
      throw new SignalboxError('degraded', 'injected');
    };
  };
  const shares = () => views.room(sharer.connection).shares;
  return { sharer, other, screen, fail, shares };
}

test('a screen that was shared without a word of it is not shared once more where it is asked for again', async () => {
  const { sharer, other, screen, fail, shares } = openFrail();
  fail(true);
  expect(() => screen['screen.start'](sharer.connection, {}, again)).toThrow('injected');
  const { shareId } = await screen['screen.start'](sharer.connection, {}, again);
  expect(shares()).toMatchObject([{ shareId }]);
  expect(other.told).toEqual(['screen.started']);
  // Another message is another screen.
  await screen['screen.start'](sharer.connection, {}, { ...again, id: 's2' });
  expect(shares()).toHaveLength(2);
});

test('one that was not shared is, where it is asked for again', async () => {
  const { sharer, other, screen, fail, shares } = openFrail();
  fail(false);
  expect(() => screen['screen.start'](sharer.connection, {}, again)).toThrow('injected');
  const { shareId } = await screen['screen.start'](sharer.connection, {}, again);
  expect(shares()).toMatchObject([{ shareId }]);
  expect(other.told).toEqual(['screen.started']);
});
