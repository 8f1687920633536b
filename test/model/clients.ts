import type { Json, JsonObject } from '../../src/codegen/documents.ts';
import type { TestSocket } from '../support/socket.ts';
import type { Place } from './deeds.ts';

/** How long anything may take before a run fails. */
export const patienceMs = 3_000;

/** A client of the server. */
export interface Client {
  readonly name: string;
  readonly user: string;
  readonly clientId: string;
  readonly place: Place;
  /** The last one; its frames are those of all that it had, without the welcomes that go on with a session. */
  socket: TestSocket;
  /** What it sent, by the id of the frame. */
  readonly sent: Map<string, Sent>;
  /** Whether it ended the connection itself. */
  cut: boolean;
}

export interface Sent {
  readonly type: string;
  readonly payload: JsonObject;
  /** Who had been welcomed by then. */
  readonly welcomed: ReadonlySet<Client>;
}

/** Who is connected, by their own account. */
export interface Attendance {
  /** What each member got when it asked for the roster. */
  readonly rosters: ReadonlyMap<Client, Json[]>;
  /** Who may not ask, since it waits to be let in. */
  readonly waiting: readonly Client[];
}

/** Whether a client has been let in. */
export function hasWelcome({ socket }: Client): boolean {
  return socket.frames.some(({ type }) => type === 'session.welcome');
}

/** Waits, but not for ever. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${patienceMs} ms went by while waiting for ${what}`)),
      patienceMs,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
