import { hash } from 'node:crypto';
import type { Identity } from '../rooms/identity.ts';

/** So long a verified token is taken at its word: a key that its issuer withdraws stops working soon after. */
const trustedMs = 60_000;
const maxTokens = 4_096;

interface Verified {
  readonly identity: Identity;
  readonly until: number;
}

/**
 * The tokens that were verified in the last minute, so that an administrator who asks each second, or a client that
 * comes back, costs no signature. Holds hashes of tokens, of the newest few thousand alone; what is older counts for
 * nothing.
 */
export class RecentTokens {
  /** Oldest first. */
  readonly #verified = new Map<string, Verified>();

  /** What a token goes by here. */
  keyOf(token: string): string {
    return hash('sha256', token, 'base64url');
  }

  /** @param now epoch milliseconds */
  find(key: string, now: number): Identity | undefined {
    const verified = this.#verified.get(key);
    return verified !== undefined && now < verified.until ? verified.identity : undefined;
  }

  /** @param expiresAt when the token is no longer accepted, in epoch milliseconds */
  keep(key: string, identity: Identity, expiresAt: number, now: number): void {
    this.#verified.delete(key);
    this.#verified.set(key, { identity, until: Math.min(expiresAt, now + trustedMs) });
    for (const [oldest, { until }] of this.#verified) {
      if (this.#verified.size <= maxTokens && now < until) break;
      this.#verified.delete(oldest);
    }
  }

  /** How many it holds, for a metric. */
  get size(): number {
    return this.#verified.size;
  }
}
