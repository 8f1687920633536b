import { expect, test, vi } from 'vitest';
import { contestants, ServerUnderTest } from './contestant.ts';
import { stageRooms } from './scenarios/rooms.ts';
import { stageSignaling } from './scenarios/signaling.ts';

// Each starts a server, next to all the other tests.
vi.setConfig({ testTimeout: 60_000 });
const timing = { warmUpSeconds: 0.1, seconds: 0.1 };

test.each(contestants)(
  '%s delivers what the generator sends, and says what that cost',
  async (contestant) => {
    const server = await ServerUnderTest.start(contestant);
    try {
      const chat = await stageRooms(server, { rooms: 2, size: 3, messagesPerSecond: 100 }, timing);
      expect((await chat()).cpuPerDelivery).toBeGreaterThan(0);
    } finally {
      await server.stop();
    }
  },
);

test.each(contestants)('%s relays signals', async (contestant) => {
  const server = await ServerUnderTest.start(contestant);
  try {
    const calls = await stageSignaling(server, { pairs: 3, exchangesPerSecond: 10 }, timing);
    expect((await calls()).p99Ms).toBeGreaterThan(0);
  } finally {
    await server.stop();
  }
});
