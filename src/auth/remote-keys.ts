import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { SignalboxError } from '../rooms/errors.ts';

/** After this long the key set is fetched again, so that a key withdrawn by the issuer stops working. */
const maxAgeMs = 600_000;
/** The least time between two fetches, whatever tokens arrive. */
const cooldownMs = 30_000;
/** The same while there are no keys: nobody gets in, so the issuer's return must be noticed soon. */
const coldRetryMs = 1_000;
const fetchTimeoutMs = 5_000;

/** What a `RemoteKeys` is told, beside the address. */
export interface RemoteKeysOptions {
  readonly now: () => number;
  /** Hears of each failed fetch, once per attempt; tokens go on being verified with the keys at hand. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/**
 * The public keys of an issuer, fetched from its JWKS address.
 *
 * jose fetches, parses and chooses; when to fetch is decided here, since jose's own cache refuses every
 * token once it is stale and the issuer is away, and counts its cooldown from the last success only. Here
 * known keys outlive any outage, and no flood of unknown key ids causes more than one fetch in 30 s.
 */
export class RemoteKeys {
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;
  readonly #options: RemoteKeysOptions;
  #fetchedAt: number | undefined;
  #attemptedAt: number | undefined;
  #pending: Promise<void> | undefined;
  #failure: unknown;

  constructor(url: string, options: RemoteKeysOptions) {
    this.#options = options;
    this.#keys = createRemoteJWKSet(new URL(url), {
      cacheMaxAge: Number.POSITIVE_INFINITY,
      cooldownDuration: Number.POSITIVE_INFINITY,
      timeoutDuration: fetchTimeoutMs,
    });
  }

  /** Finds the key that a token's header asks for; `auth_unavailable` if no key was ever fetched. */
  readonly resolve: JWTVerifyGetKey = async (header, token) => {
    if (this.#stale()) {
      const refreshed = this.#refresh();
      // While the issuer is away, nobody who holds a good token waits for the next attempt to time out.
      if (this.#fetchedAt === undefined || this.#failure === undefined) await refreshed;
    }
    if (this.#fetchedAt === undefined) throw this.#unavailable();
    try {
      return await this.#keys(header, token);
    } catch (error) {
      const refreshed = error instanceof errors.JWKSNoMatchingKey && this.#refresh();
      if (!refreshed) throw error;
      await refreshed;
      return this.#keys(header, token);
    }
  };

  #stale(): boolean {
    return this.#fetchedAt === undefined || this.#elapsed(this.#fetchedAt) >= maxAgeMs;
  }

  /** Joins the fetch under way, else starts one; `undefined` while the cooldown forbids it. Never rejects. */
  #refresh(): Promise<void> | undefined {
    const leastMs = this.#fetchedAt === undefined ? coldRetryMs : cooldownMs;
    if (this.#pending || (this.#attemptedAt !== undefined && this.#elapsed(this.#attemptedAt) < leastMs)) {
      return this.#pending;
    }
    this.#attemptedAt = this.#options.now();
    this.#pending = this.#fetch();
    return this.#pending;
  }

  async #fetch(): Promise<void> {
    try {
      await this.#keys.reload();
      this.#fetchedAt = this.#options.now();
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
      this.#options.onFailure?.(error);
    } finally {
      this.#pending = undefined;
    }
  }

  /** Absolute, so that a wall clock set back by an hour does not stop fetching for that hour. */
  #elapsed(since: number): number {
    return Math.abs(this.#options.now() - since);
  }

  #unavailable(): SignalboxError {
    const details = { retryAfterMs: coldRetryMs, cause: this.#failure };
    return new SignalboxError('auth_unavailable', 'The keys that verify tokens are out of reach', details);
  }
}
