import type { IncomingMessage } from 'node:http';
import type { Channel } from '../../../generated/messages.ts';
import openapi from '../../../generated/openapi.json' with { type: 'json' };
import { upgrades } from '../../../generated/operations.ts';
import type { Place } from '../../rooms/connection.ts';
import { type Fault, SignalboxError } from '../../rooms/errors.ts';
import { queryOf, rawPathOf, rawValues } from '../guards/head.ts';

/** A session that a client wants to go on with. */
export interface Wanted {
  readonly resumeToken: string;
  /** How many of its messages the client has. */
  readonly received: number;
}

/** What an upgrade asks for, before it is known who does. */
export interface Handshake {
  readonly place: Place;
  readonly wanted: Wanted | undefined;
}

const { RoomId: roomIdSchema } = openapi.components.schemas;
const { Resume, Received } = openapi.components.parameters;
const roomIdPattern = new RegExp(roomIdSchema.pattern);
/** 16 random bytes in base64 (RFC 6455, section 4.1). */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;
/** A token of RFC 9110, section 5.6.2, and the blanks around it. */
const subprotocolPattern = /^[ \t]*[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*$/;
const resumePattern = new RegExp(Resume.schema.pattern);

/** Reads an upgrade request, or refuses it: `not_found`, `bad_request`, `upgrade_required`. */
export function readHandshake(request: IncomingMessage): Handshake {
  const place = placeOf(rawPathOf(request));
  const wanted = wantedOf(queryOf(request));
  checkHandshake(request);
  return { place, wanted };
}

function placeOf(path: string): Place {
  const match = /^\/ws\/([^/]*)\/([^/]*)$/.exec(path);
  const channel = Object.keys(upgrades).find((name): name is Channel => name === match?.[1]);
  const roomId = match?.[2] ?? '';
  if (channel === undefined) throw new SignalboxError('not_found', 'There is no WebSocket at this address.');
  if (roomIdPattern.test(roomId)) return { roomId, channel };
  const errors = [{ pointer: '/path/roomId', message: `must match pattern "${roomIdPattern.source}"` }];
  throw brokenBy(errors);
}

/** What the library would refuse too, but in words of its own. */
function checkHandshake(request: IncomingMessage): void {
  const { method, headers } = request;
  if (method !== 'GET') throw new SignalboxError('bad_request', 'An upgrade must be a GET request.');
  if (headers['sec-websocket-version'] !== '13') {
    throw new SignalboxError('upgrade_required', 'Open this address as a WebSocket of version 13.');
  }
  if (!keyPattern.test(headers['sec-websocket-key'] ?? '')) {
    throw new SignalboxError('bad_request', 'Sec-WebSocket-Key must be 16 bytes in base64.');
  }
  const offered = rawValues(request, 'sec-websocket-protocol').flatMap((value) => value.split(','));
  const names = new Set(offered.map((name) => name.trim()));
  if (names.size < offered.length || !offered.every((name) => subprotocolPattern.test(name))) {
    throw new SignalboxError('bad_request', 'Sec-WebSocket-Protocol must name each subprotocol once.');
  }
  const length = headers['content-length'] ?? '0';
  if (length !== '0' || headers['transfer-encoding'] !== undefined) {
    throw new SignalboxError('bad_request', 'An upgrade must have no body.');
  }
}

function wantedOf(query: URLSearchParams): Wanted | undefined {
  const [resume, received] = [query.getAll('resume'), query.getAll('received')];
  if (resume.length + received.length === 0) return undefined;
  const [resumeToken = '', count = ''] = [resume[0], received[0]];
  const isCount = /^\d{1,15}$/.test(count) && Number(count) <= Received.schema.maximum;
  const errors: Fault[] = [];
  if (resume.length !== 1 || !resumePattern.test(resumeToken)) {
    errors.push({ pointer: '/query/resume', message: 'must be the resumeToken of a welcome, once' });
  }
  if (received.length !== 1 || !isCount) {
    errors.push({ pointer: '/query/received', message: 'must be how many messages came, once' });
  }
  if (errors.length > 0) throw brokenBy(errors);
  return { resumeToken, received: Number(count) };
}

function brokenBy(errors: readonly Fault[]): SignalboxError {
  return new SignalboxError('bad_request', 'The request breaks the contract.', { errors });
}
