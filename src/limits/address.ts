import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { RateLimiterMemory } from 'rate-limiter-flexible';

/**
 * The key under which a client address is counted: an IPv4 address itself, also when it is written as
 * IPv4-mapped IPv6; of an IPv6 address its /64 prefix, since one subscriber commonly holds a whole /64.
 *
 * Never throws: whatever is not an address, such as a proxy's `unknown`, shares one key.
 *
 * @example
 * addressKey('::ffff:192.0.2.1') // '192.0.2.1'
 * addressKey('2001:db8::1') // '2001:db8:0:0::/64'
 */
export function addressKey(ip: string): string {
  if (isIPv4(ip)) return ip;
  if (!ipaddr.isValid(ip)) return 'unknown';
  const address = ipaddr.process(ip);
  if (!(address instanceof ipaddr.IPv6)) return address.toString();
  const prefix = address.parts.slice(0, 4).map((part) => part.toString(16));
  return `${prefix.join(':')}::/64`;
}

/**
 * Stops the guessing of credentials before they are verified: counts failed ones per client address, in this process or on
 * all nodes, and never a valid one, so that a crowd behind one NAT is not blocked by its own size.
 *
 * The window is fixed and starts with the first failure. Verifications that are under way when the last
 * allowed failure is recorded still finish, so a burst can exceed the number by those in flight.
 *
 * Every version passes `test/limits/address-failures-suite.ts`, and never rejects.
 *
 * @example
 * const waitMs = await failures.retryAfterMs(ip);
 * if (waitMs !== undefined) throw rateLimited(waitMs);
 * // verify; if that fails: await failures.record(ip);
 */
export interface AddressFailures {
  /** As the response headers tell it. */
  readonly policy: { readonly name: string; readonly limit: number; readonly windowMs: number };
  /** How long an address must wait before its credentials are looked at; `undefined`: it need not. */
  retryAfterMs(ip: string): Promise<number | undefined>;
  /** Counts one failed credential; in force here at once, even before the promise settles. */
  record(ip: string): Promise<void>;
}

/** Counts the failed credentials that come to this process. */
export class LocalAddressFailures implements AddressFailures {
  readonly policy: AddressFailures['policy'];
  readonly #limiter: RateLimiterMemory;

  constructor(perMinute: number) {
    this.policy = { name: 'address-failures', limit: perMinute, windowMs: 60_000 };
    this.#limiter = new RateLimiterMemory({ points: perMinute, duration: 60 });
  }

  async retryAfterMs(ip: string): Promise<number | undefined> {
    const counted = await this.#limiter.get(addressKey(ip));
    if (counted === null || counted.remainingPoints > 0) return undefined;
    // The library drops a lapsed count by a timer, which may be late.
    return counted.msBeforeNext > 0 ? counted.msBeforeNext : undefined;
  }

  async record(ip: string): Promise<void> {
    await this.#limiter.penalty(addressKey(ip));
  }
}
