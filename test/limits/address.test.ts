import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { addressKey, LocalAddressFailures } from '../../src/limits/address.ts';
import { addressFailuresSuite } from './address-failures-suite.ts';

describe('addressKey', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0:0:ffff:ffff:ffff:ffff', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', 'unknown'],
    ['unknown', 'unknown'],
    ['192.0.2.1:443', 'unknown'],
    ['__proto__', 'unknown'],
  ])('%s is counted as %s', (ip, key) => {
    expect(addressKey(ip)).toBe(key);
  });
});

addressFailuresSuite('LocalAddressFailures', (perMinute) => {
  const failures = new LocalAddressFailures(perMinute);
  return [failures, failures];
});

describe('LocalAddressFailures', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('refuses an address after its last allowed failure, until the minute is over', async () => {
    const failures = new LocalAddressFailures(3);
    for (let i = 0; i < 3; i += 1) {
      expect(await failures.retryAfterMs('192.0.2.1')).toBeUndefined();
      await failures.record('192.0.2.1');
      vi.advanceTimersByTime(10_000);
    }
    expect(await failures.retryAfterMs('::ffff:192.0.2.1')).toBe(30_000);
    expect(await failures.retryAfterMs('192.0.2.2')).toBeUndefined();
    vi.advanceTimersByTime(29_999);
    expect(await failures.retryAfterMs('192.0.2.1')).toBe(1);
    vi.advanceTimersByTime(1);
    expect(await failures.retryAfterMs('192.0.2.1')).toBeUndefined();
  });

  test('a count whose timer is late does not block', async () => {
    const failures = new LocalAddressFailures(1);
    await failures.record('192.0.2.1');
    vi.setSystemTime(Date.now() + 60_000);
    expect(await failures.retryAfterMs('192.0.2.1')).toBeUndefined();
  });
});
