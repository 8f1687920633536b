import type { MemberRecord, Place } from '../rooms/connection.ts';
import type { Outcome, RoomState } from '../rooms/room.ts';
import type { RollEntry, Said } from '../rooms/room-store.ts';
import type { Envelope } from './envelope.ts';
import type { Loaded } from './room-scripts.ts';

/** What an event says, as JSON: how a client is now, or what a rule has changed; nothing where it cannot be followed. */
export interface EventBody extends Omit<Outcome, 'state'> {
  readonly update?: MemberRecord;
  /** What it has said by that. */
  readonly said?: Said | undefined;
  /** What this does at the node that has it, once it comes by there. */
  readonly echo?: string | undefined;
  /** By which its session was asked for, which is on the node of the record from here on. */
  readonly claim?: string | undefined;
  /** `null`: the room has ended; absent: it stays as it is. */
  readonly state?: RoomState | null | undefined;
  readonly version?: string | undefined;
  readonly cause?: string | undefined;
}

/** Who waits for an event. */
export interface Waiter {
  readonly incarnation: string;
  readonly seq: number;
  /** Resolves when it has been taken; never rejects. */
  readonly taken: Promise<void>;
  readonly resolve: () => void;
}

/**
 * What this node knows of one channel of a room: its state after so many events. Events are taken strictly in order; one
 * that cannot be the next tells that something was missed.
 */
export class Replica {
  readonly place: Place;
  state: RoomState | undefined;
  version = '';
  incarnation = '';
  /** How many work on it just now. */
  holds = 0;
  /** Settles when it has been loaded for the first time. */
  opened: Promise<void> = Promise.resolve();
  /** Since when clients of this node are missing in Redis, in epoch milliseconds. */
  missingSince: number | undefined;
  /** Settles when no load is under way; never rejects. */
  loading: Promise<unknown> = Promise.resolve();
  /** The load that is still to begin. */
  nextLoad: Promise<void> | undefined;
  /** Whether it is to be loaded again in a while. */
  isLoadDue = false;
  /** Events, and what else came between them, while it is being loaded; `undefined` while it is not. */
  buffered: (Envelope | (() => void))[] | undefined;
  #seq = 0;
  /** The incarnation before this one: the last event of a room comes before the answer to whoever made it. */
  #former: string | undefined;
  #waiters: Waiter[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ roomId, channel }: Place) {
    this.place = { roomId, channel };
  }

  /** Does one thing after the other, in the order in which they were asked for. */
  inTurn<T>(act: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Takes the number of an event, if it is the next one; else says why not. */
  step([incarnation = '', seq = '']: readonly string[]): 'next' | 'known' | 'gap' {
    const isSame = incarnation === this.incarnation;
    if (isSame && Number(seq) <= this.#seq) return 'known';
    if (Number(seq) !== (isSame ? this.#seq + 1 : 1)) return 'gap';
    if (!isSame && this.incarnation !== '') return 'gap';
    this.incarnation = incarnation;
    this.#seq = Number(seq);
    return 'next';
  }

  /** Takes over the state that an event leaves. */
  turn({ state, version }: EventBody): void {
    if (state === undefined) return;
    this.state = state ?? undefined;
    this.version = version ?? '';
    if (state === null) this.#become('', 0);
  }

  /** Takes over all that there is. */
  load([[incarnation, seq, version, state]]: Loaded): void {
    this.state = state === null ? undefined : JSON.parse(state);
    this.version = version ?? '';
    this.#become(incarnation ?? '', Number(seq ?? 0));
  }

  /** Waits for this event, or a later one. */
  reached(incarnation: string, seq: number): Waiter {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { incarnation, seq, taken: promise, resolve };
    this.#waiters.push(waiter);
    this.settle();
    return waiter;
  }

  /** Nobody waits for it any more. */
  forget(waiter: Waiter): void {
    this.#waiters = this.#waiters.filter((one) => one !== waiter);
  }

  /** Tells those who wait for what has come by now. */
  settle(): void {
    // Of another incarnation only what comes next can be waited for, until it is loaded.
    const isDue = ({ incarnation, seq }: Waiter) =>
      incarnation === this.incarnation ? seq <= this.#seq : incarnation === this.#former;
    for (const { resolve } of this.#waiters.filter(isDue)) resolve();
    this.#waiters = this.#waiters.filter((waiter) => !isDue(waiter));
  }

  /** Tells all who wait: whatever they wait for is not to be had any more. */
  release(): void {
    for (const { resolve } of this.#waiters) resolve();
    this.#waiters = [];
  }

  #become(incarnation: string, seq: number): void {
    if (incarnation !== this.incarnation && this.incarnation !== '') this.#former = this.incarnation;
    this.incarnation = incarnation;
    this.#seq = seq;
  }
}

/** Reads one roll of a room that was loaded, in the order of joining; those who wait have none, and go by the time. */
export function rollOf(fields: readonly string[]): RollEntry[] {
  const roll: RollEntry[] = [];
  for (let index = 1; index < fields.length; index += 2) {
    const text = fields[index] ?? '';
    const end = text.indexOf('\n');
    const [order, joinedAt = ''] = text.slice(0, end).split(' ');
    roll.push({ order: Number(order), record: { ...JSON.parse(text.slice(end + 1)), joinedAt } });
  }
  return roll.sort(
    (one, other) =>
      one.order - other.order || Date.parse(one.record.joinedAt) - Date.parse(other.record.joinedAt),
  );
}

/** Writes an entry as the rolls hold it. */
export function rollText({ order, record }: RollEntry): string {
  return `${order} ${record.joinedAt}\n${JSON.stringify(record)}`;
}
