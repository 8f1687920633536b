import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { SignalboxError } from '../../src/rooms/errors.ts';
import { tryTo } from '../../src/rooms/ready.ts';

describe('tryTo', () => {
  const refused = new SignalboxError('degraded', 'What the nodes share is out of reach.');

  test('a refusal, at once or later, reaches nobody; any other fault shows as uncaught', async () => {
    const seen: unknown[] = [];
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', (error) => seen.push(error));
    try {
      const fault = new Error('a fault of ours');
      tryTo(() => {
        throw refused;
      });
      tryTo(() => Promise.reject(refused));
      tryTo(() => Promise.reject(fault));
      await setImmediate();
      expect(seen).toEqual([fault]);
    } finally {
      process.removeAllListeners('unhandledRejection');
      for (const listener of others) process.on('unhandledRejection', listener);
    }
  });
});
