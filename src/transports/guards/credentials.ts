import type { IncomingMessage } from 'node:http';
import { SignalboxError } from '../../rooms/errors.ts';
import { queryOf, rawValues } from './head.ts';

/** Where a token may stand: in the `Authorization` header, in the query, or among the subprotocols. */
export type CredentialPlace = 'authorization' | 'query' | 'subprotocol';

/** The subprotocol that carries a token; it never is the one that is agreed on. */
const bearerSubprotocol = /^bearer\.(.*)$/s;

/**
 * The one token of a request. None is `unauthenticated`; two, be they the same, are `ambiguous_credentials`,
 * since a proxy in between may have looked at the other one.
 */
export function readToken(request: IncomingMessage, places: readonly CredentialPlace[]): string {
  const [token, ...more] = places.flatMap((place) => tokensIn[place](request));
  if (more.length > 0) {
    throw new SignalboxError('ambiguous_credentials', 'The request has more than one token.');
  }
  if (!token) {
    throw new SignalboxError('unauthenticated', 'The request has no token.');
  }
  return token;
}

const tokensIn: Readonly<Record<CredentialPlace, (request: IncomingMessage) => string[]>> = {
  authorization: (request) =>
    rawValues(request, 'authorization').flatMap((value) => /^Bearer +(\S+)$/i.exec(value)?.[1] ?? []),
  query: (request) => queryOf(request).getAll('token'),
  subprotocol: (request) =>
    subprotocolsOf(request).flatMap((name) => bearerSubprotocol.exec(name)?.[1] ?? []),
};

/** The subprotocols that the client offers. */
export function subprotocolsOf(request: IncomingMessage): string[] {
  return rawValues(request, 'sec-websocket-protocol').flatMap((value) =>
    value.split(',').map((name) => name.trim()),
  );
}
