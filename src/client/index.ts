/**
 * The SDK of Signalbox, for browsers and Node: {@link connect} joins a room, {@link adminClient} administers live
 * connections. Both are typed by the contract.
 */
export type { Send } from '../../generated/client.ts';
export type { ErrorCode } from '../../generated/errors.ts';
export type * from '../../generated/messages.ts';
export { type AdminClient, adminClient } from './admin.ts';
export type { ReconnectOptions } from './backoff.ts';
export { ConnectionClosed, NotSent, Refused, Unanswered } from './errors.ts';
export type { ConnectionEvents, RoomEvents } from './listeners.ts';
export { type ConnectOptions, connect, type RoomConnection } from './room-connection.ts';
export type { ConnectionState } from './session.ts';
