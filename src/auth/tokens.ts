import { errors, type JWTVerifyOptions, jwtVerify } from 'jose';
import { tokenLifetime } from '../../generated/messages.ts';
import { httpLimits } from '../../generated/operations.ts';
import { SignalboxError } from '../rooms/errors.ts';
import type { Identity } from '../rooms/identity.ts';
import { toIdentity } from './claims.ts';
import { createKeySource, type VerificationKeys } from './keys.ts';
import { RecentTokens } from './recent-tokens.ts';

/** How far the clocks of issuer and server may differ, both ways. */
export const clockToleranceSeconds = tokenLifetime.skewMs / 1000;
const { maxTokenBytes } = httpLimits;
/** A compact JWS (RFC 7515, section 7.1) without the blanks and padding that lenient decoders forgive. */
const compactJws = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** What tokens are verified against. */
export interface VerifierOptions {
  readonly keys: VerificationKeys;
  /** The `iss` that a token must carry; unset, any. */
  readonly issuer?: string | undefined;
  /** The value that must be in a token's `aud`; unset, `aud` is not looked at. */
  readonly audience?: string | undefined;
  /** The clock, in epoch milliseconds. */
  readonly now?: () => number;
  /** Hears of each failed fetch of the issuer's keys, so that an outage shows in the log before it hurts. */
  readonly onKeysUnavailable?: (error: unknown) => void;
}

/** Turns bearer tokens into identities. */
export interface Verifier {
  /** Rejects with a `SignalboxError`: `token_expired`, `invalid_token`, `auth_unavailable` (no keys yet). */
  verify(token: string): Promise<Identity>;
}

/**
 * Makes the one verifier of the process; throws if a public key cannot be read. The errors say what is wrong
 * with a token and repeat none of it but the names of claims.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { keys, issuer, audience, now = Date.now, onKeysUnavailable } = options;
  const { algorithms, resolve } = createKeySource(keys, { now, onFailure: onKeysUnavailable });
  const expected: JWTVerifyOptions = { algorithms: [...algorithms], clockTolerance: clockToleranceSeconds };
  if (issuer !== undefined) expected.issuer = issuer;
  if (audience !== undefined) expected.audience = audience;
  const recent = new RecentTokens();

  return {
    async verify(token) {
      if (token.length > maxTokenBytes) throw invalid(`it is longer than ${maxTokenBytes} bytes`);
      if (!compactJws.test(token)) throw invalid('it is not a compact JWS');
      const nowMs = now();
      const key = recent.keyOf(token);
      const known = recent.find(key, nowMs);
      if (known !== undefined) return known;
      try {
        const currentDate = new Date(nowMs);
        const { payload, protectedHeader } = await jwtVerify(token, resolve, { ...expected, currentDate });
        if (protectedHeader.crit !== undefined) throw invalid('it uses "crit"');
        const identity = toIdentity(payload);
        recent.keep(key, identity, identity.expiresAt + tokenLifetime.skewMs, nowMs);
        return identity;
      } catch (error) {
        throw error instanceof SignalboxError ? error : refusal(error);
      }
    },
  };
}

const reasons: Readonly<Record<string, string>> = {
  [errors.JOSEAlgNotAllowed.code]: 'its algorithm is not allowed',
  [errors.JWSSignatureVerificationFailed.code]: 'its signature does not match',
  [errors.JWKSNoMatchingKey.code]: 'its issuer has no such key',
  [errors.JWKSMultipleMatchingKeys.code]: 'it names no key (kid) where its issuer has several',
};

/** jose's errors are not passed on as a cause: they hold the claims, which would end up in logs. */
function refusal(error: unknown): SignalboxError {
  if (error instanceof errors.JWTExpired) return new SignalboxError('token_expired', 'The token has expired');
  if (error instanceof errors.JWTClaimValidationFailed) return invalid(claimReason(error));
  if (error instanceof errors.JOSEError) return invalid(reasons[error.code] ?? 'it is not a well-formed JWT');
  return invalid('its key cannot be used', error);
}

function claimReason({ claim, reason }: errors.JWTClaimValidationFailed): string {
  if (reason === 'missing') return `the claim "${claim}" is missing`;
  if (reason === 'invalid') return `the claim "${claim}" must be a number`;
  return claim === 'nbf' ? 'it is not valid yet' : `the claim "${claim}" is not the expected one`;
}

function invalid(reason: string, cause?: unknown): SignalboxError {
  const details = cause === undefined ? {} : { cause };
  return new SignalboxError('invalid_token', `The token is not valid: ${reason}`, details);
}
