import type { Connection, Outlet, Place } from './connection.ts';

/** All that a session is, as JSON; what is in it, only the transport knows. */
export type SessionParcel = Readonly<Record<string, unknown>>;

/** A session that a client wants to go on with, at the node where it has come. */
export interface Sought {
  readonly place: Place;
  readonly userId: string;
  readonly clientId: string;
  readonly resumeToken: string;
  readonly received: number;
}

/** What the transport does with sessions that move. */
export interface Carriage {
  /** Has the socket close that a client may still have here, once no handler works for it; says whether it could go on. */
  detach(connection: Connection, received: number): Promise<boolean>;
  /** Packs all that the session is for a client with so many of its messages; `undefined` where it cannot go on. */
  pack(connection: Connection, received: number): SessionParcel | undefined;
  /** A way out to a client whose session is still to come: keeps what it is sent. */
  open(): Outlet;
  /** Unpacks a session into that; `false` where its client cannot go on. */
  unpack(connection: Connection, parcel: SessionParcel): boolean;
}
