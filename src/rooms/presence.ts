import type { Departure } from '../../generated/messages.ts';
import type { Connection, Place } from './connection.ts';
import { placeKey } from './room-store.ts';

/** What happened in a channel since its members were last told. */
export interface PresenceBatch {
  readonly place: Place;
  readonly joined: readonly Connection[];
  /** Those who were there, and have lost their connection, or have it again. */
  readonly turned: readonly Connection[];
  readonly departures: readonly Departure[];
}

interface Pending {
  readonly place: Place;
  readonly joined: Map<string, Connection>;
  readonly turned: Map<string, Connection>;
  readonly departures: Map<string, Departure>;
  /** The `order` of the last to join. */
  newest: number;
  /** Whoever has this `order` or a lower one was found in a roster by somebody: it cannot go without a word. */
  seenUpTo: number;
  /** Whether anybody has read the roster since. */
  wasRead: boolean;
}

/**
 * Gathers who comes and goes while a storm lasts, so that a thousand joins do not make a million frames.
 *
 * Who comes, goes, loses its connection or has it again counts alike. The first change in a channel is told at once; those of the
 * window that follows together, at its end; and so on. Who comes and goes within one window is not mentioned, unless
 * somebody has seen it; nor who is lost and back. `flush` before anything else is said in the channel keeps the order of one without batches.
 */
export class Presence {
  readonly #windowOf: (place: Place) => number;
  readonly #tell: (batch: PresenceBatch) => void;
  readonly #later: (run: () => void, ms: number) => void;
  /** A channel is in here while its window is open. */
  readonly #pending = new Map<string, Pending>();

  /** @param windowOf how long a window of this channel is, in milliseconds; 0 tells everything at once */
  constructor(
    windowOf: (place: Place) => number,
    tell: (batch: PresenceBatch) => void,
    later: (run: () => void, ms: number) => void,
  ) {
    this.#windowOf = windowOf;
    this.#tell = tell;
    this.#later = later;
  }

  joined(connection: Connection): void {
    this.#change(connection, (pending) => {
      see(pending); // the newcomer, in its welcome
      pending.newest = connection.order;
      pending.joined.set(connection.clientId, connection);
    });
  }

  left(connection: Connection, reason: Departure['reason']): void {
    const { clientId } = connection;
    this.#change(connection, ({ joined, turned, departures, seenUpTo }) => {
      turned.delete(clientId);
      const isNews = joined.delete(clientId) && connection.order > seenUpTo;
      if (!isNews) departures.set(clientId, { clientId, reason });
    });
  }

  /** One has lost its connection, or has it again. */
  turned(connection: Connection): void {
    const { clientId } = connection;
    this.#change(connection, ({ joined, turned, wasRead }) => {
      // One whose coming is still to be told is told of as it is then; and one that is as it was, not at all.
      if (joined.has(clientId)) return;
      if (wasRead || !turned.delete(clientId)) turned.set(clientId, connection);
    });
  }

  /** Somebody reads the roster. Nothing is told for that: in a storm everybody reads it. */
  read(place: Place): void {
    const pending = this.#pending.get(placeKey(place));
    if (pending) see(pending);
  }

  /** Tells now what is pending in a channel; with `sender`, only if that one's coming is. */
  flush(place: Place, sender?: string): void {
    const pending = this.#pending.get(placeKey(place));
    if (pending && (sender === undefined || pending.joined.has(sender))) this.#say(pending);
  }

  /** Forgets what is pending in a channel whose members are all gone. */
  forget(place: Place): void {
    this.#pending.delete(placeKey(place));
  }

  /** The change that opens a window is told at once; the others wait for its end. */
  #change({ roomId, channel }: Connection, apply: (pending: Pending) => void): void {
    const place = { roomId, channel };
    const key = placeKey(place);
    const open = this.#pending.get(key);
    const pending = open ?? newPending(place);
    apply(pending);
    if (open) return;
    this.#say(pending);
    const windowMs = this.#windowOf(place);
    if (windowMs === 0) return;
    this.#pending.set(key, pending);
    this.#later(() => this.#end(key, pending), windowMs);
  }

  /** The window of a channel ends; where there was a change, another one begins. */
  #end(key: string, pending: Pending): void {
    if (this.#pending.get(key) !== pending) return;
    if (!this.#say(pending)) this.#pending.delete(key);
    else this.#later(() => this.#end(key, pending), this.#windowOf(pending.place));
  }

  #say(pending: Pending): boolean {
    const { place, joined, turned, departures } = pending;
    if (joined.size + turned.size + departures.size === 0) return false;
    const [news, gone] = [[...joined.values()], [...departures.values()]];
    const batch = { place, joined: news, turned: [...turned.values()], departures: gone };
    for (const told of [joined, turned, departures]) told.clear();
    pending.wasRead = false;
    this.#tell(batch);
    return true;
  }
}

function newPending(place: Place): Pending {
  const nobody = { joined: new Map(), turned: new Map(), departures: new Map() };
  return { place, ...nobody, newest: 0, seenUpTo: 0, wasRead: false };
}

function see(pending: Pending): void {
  pending.seenUpTo = pending.newest;
  pending.wasRead = true;
}
