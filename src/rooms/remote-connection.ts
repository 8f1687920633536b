import { type Connection, type MemberRecord, nowhere, type Place } from './connection.ts';
import { placeKey } from './room-store.ts';

/** One of another node, as that one tells of it. What it is sent goes by the broker, and its own node closes it. */
export function remoteConnection(place: Place, member: MemberRecord): Connection {
  const { roomId, channel } = place;
  const { clientId, node, userId, presenterName, tokenHost, ...seen } = member;
  const grants = { scopes: new Set<string>(), rooms: undefined, channels: undefined };
  return {
    ...{ roomId, channel, clientId, node, ...seen, metadata: seen.metadata },
    placeKey: placeKey({ roomId, channel }),
    serial: 0,
    resumeToken: '',
    order: 0,
    outlet: nowhere,
    address: '',
    identity: { userId, presenterName, host: tokenHost, ...grants, expiresAt: 0, subjectKey: '' },
    lostSerial: 0,
  };
}
