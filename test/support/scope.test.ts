import { describe, expect, test } from 'vitest';
import { atScopeEnd, expectViolation, leave, violation } from './scope.ts';

describe('the end of a test', () => {
  test('fails if the contract was broken, once', async () => {
    violation('GET / → 200: no');
    await expect(leave('test')).rejects.toThrow('the contract was broken:\nGET / → 200: no');
    await leave('test');
  });

  test('does not fail for a violation that was expected', async () => {
    expectViolation(/no$/);
    violation('GET / → 200: no');
    await leave('test');
  });

  test('fails for a violation beside the expected one', async () => {
    expectViolation(/no$/);
    violation('GET / → 200: no');
    violation('GET / → 200: never');
    await expect(leave('test')).rejects.toThrow(/:\nGET \/ → 200: never$/);
  });

  test('fails where an expected violation did not come', async () => {
    expectViolation(/no$/);
    await expect(leave('test')).rejects.toThrow('expected a violation like /no$/');
  });

  test('closes what was started, last things first, all of it, before it judges', async () => {
    const closed: string[] = [];
    atScopeEnd(() => closed.push('server'));
    atScopeEnd(() => Promise.reject(new Error('stuck')));
    atScopeEnd(async () => {
      await Promise.resolve();
      closed.push('socket');
      violation('late');
    });
    await expect(leave('test')).rejects.toThrow(/closing failed: Error: stuck.*late/s);
    expect(closed).toEqual(['socket', 'server']);
  });
});
