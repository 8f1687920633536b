import { hash } from 'node:crypto';
import { SignalboxError } from '../rooms/errors.ts';
import type { Identity } from '../rooms/identity.ts';

type Claims = Readonly<Record<string, unknown>>;

const maxSubjectLength = 256;
const maxNameLength = 128;
/** The last second that a `Date` can hold (ECMA-262, section 21.4.1.1). */
const lastSecond = 8_640_000_000_000;

/**
 * Reads who the bearer is from the claims of a token whose signature and times are already verified.
 * A claim of the wrong type or length is refused as `invalid_token`, named, and never cut or converted:
 * `host: "true"` is an issuer's mistake that must not pass for either answer.
 */
export function toIdentity(claims: Claims): Identity {
  const userId = text(claims, 'sub', maxSubjectLength);
  if (!userId) refuse('sub', 'a non-empty string');
  return {
    userId,
    presenterName: text(claims, 'name', maxNameLength) || userId,
    host: flag(claims, 'host'),
    scopes: scopesOf(claims),
    rooms: list(claims, 'rooms'),
    channels: list(claims, 'channels'),
    expiresAt: expiry(claims),
    subjectKey: subjectKey(claims, userId),
  };
}

/** Clients have none, and there are many of them: they share it. */
const noScopes: ReadonlySet<string> = new Set();

function scopesOf(claims: Claims): ReadonlySet<string> {
  const scopes = [...words(text(claims, 'scope')), ...(list(claims, 'permissions') ?? [])];
  return scopes.length > 0 ? new Set(scopes) : noScopes;
}

/** The JSON array keeps the parts apart: no issuer and subject can be spelled like another pair. */
function subjectKey(claims: Claims, userId: string): string {
  const client = text(claims, 'client_id') ?? text(claims, 'azp') ?? null;
  const parts = JSON.stringify([text(claims, 'iss') ?? null, userId, client]);
  return hash('sha256', parts, 'base64url');
}

function text(claims: Claims, claim: string, maxLength = Number.POSITIVE_INFINITY): string | undefined {
  const value = claims[claim];
  if (value === undefined) return undefined;
  // A lone surrogate has no UTF-8 form: two such names would become one on the wire.
  if (typeof value !== 'string' || !value.isWellFormed()) return refuse(claim, 'a string');
  if (value.length > maxLength && [...value].length > maxLength) {
    return refuse(claim, `at most ${maxLength} characters long`);
  }
  return value;
}

function list(claims: Claims, claim: string): readonly string[] | undefined {
  const value = claims[claim];
  if (value === undefined) return undefined;
  const strings = Array.isArray(value) && value.every((entry) => typeof entry === 'string');
  return strings ? value : refuse(claim, 'an array of strings');
}

function flag(claims: Claims, claim: string): boolean {
  const value = claims[claim];
  if (value === undefined) return false;
  return typeof value === 'boolean' ? value : refuse(claim, 'true or false');
}

function expiry(claims: Claims): number {
  const { exp } = claims;
  if (typeof exp !== 'number' || !(exp <= lastSecond)) return refuse('exp', 'a time in seconds since 1970');
  return Math.floor(exp * 1000);
}

function words(scope = ''): string[] {
  return scope.split(' ').filter(Boolean);
}

function refuse(claim: string, expected: string): never {
  throw new SignalboxError('invalid_token', `The token's claim "${claim}" must be ${expected}`);
}
