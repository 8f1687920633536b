import type { IncomingMessage } from 'node:http';
import proxyAddr from 'proxy-addr';
import type { AddressFailures } from '../../limits/address.ts';
import { limitHeaders } from '../../limits/headers.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import type { Identity } from '../../rooms/identity.ts';
import { type CredentialPlace, readToken } from './credentials.ts';
import { checkOrigin, type OriginPolicy } from './origin.ts';

/** What the guards are made of. */
export interface GuardParts {
  readonly origins: OriginPolicy;
  /** As `proxy-addr` takes them: whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly failures: AddressFailures;
  readonly verify: (token: string) => Promise<Identity>;
}

/** The one pipeline that lets requests of both kinds in: REST calls and upgrades. */
export class Guards {
  readonly #parts: GuardParts;
  readonly #trusts: (address: string, hop: number) => boolean;

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#trusts = proxyAddr.compile([...parts.trustedProxies]);
  }

  /** Refuses a page of another site; see {@link OriginPolicy}. */
  checkOrigin(request: IncomingMessage): void {
    checkOrigin(request, this.#parts.origins);
  }

  /**
   * Says who sent the request. In this order: an address that failed too often (`rate_limited`), the origin, the
   * one token (`ambiguous_credentials`, `unauthenticated`), and whether it is true (`invalid_token`,
   * `token_expired`, `auth_unavailable`).
   */
  async identify(request: IncomingMessage, places: readonly CredentialPlace[]): Promise<Identity> {
    const { failures, verify } = this.#parts;
    const address = this.addressOf(request);
    const retryAfterMs = await failures.retryAfterMs(address);
    if (retryAfterMs !== undefined) {
      const headers = limitHeaders(failures.policy, { ...failures.policy, allowed: false, retryAfterMs });
      const message = 'Too many bad credentials from this address.';
      throw new SignalboxError('rate_limited', message, { retryAfterMs, headers });
    }
    this.checkOrigin(request);
    try {
      return await verify(readToken(request, places));
    } catch (error) {
      const code = error instanceof SignalboxError ? error.code : undefined;
      if (code === 'invalid_token' || code === 'token_expired') await failures.record(address);
      throw error;
    }
  }

  /** The address of the client: of `X-Forwarded-For` the right-most entry that no trusted proxy vouches for. */
  addressOf(request: IncomingMessage): string {
    return proxyAddr(request, this.#trusts);
  }
}
