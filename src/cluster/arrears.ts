import type { Clock } from '../rooms/clock.ts';
import type { Connection, Place } from '../rooms/connection.ts';
import type { Outcome, Rule } from '../rooms/room.ts';
import { placeKey } from '../rooms/room-store.ts';

/** A departure that this node has carried out, and Redis does not know yet. */
export interface Unsaid {
  readonly place: Place;
  readonly clientId: string;
  readonly rule: Rule<Outcome>;
  readonly cause: string | undefined;
}

/** How each of them is made good; where it rejects, it is still owed. */
export interface Payment {
  readonly say: (unsaid: Unsaid) => Promise<unknown>;
  /** Does not wait: what fails is owed anew. */
  readonly update: (connection: Connection) => void;
  readonly look: (place: Place) => Promise<unknown>;
}

const retryMs = 1_000;
const paidAtOnce = 50;

/**
 * What this node owes to Redis, since it could not be reached: each is tried again every second until it has been done.
 * No more than what the clients of this node did meanwhile: who has gone, how who is there has changed, and the rooms into
 * which somebody may have come who was told that it did not.
 */
export class Arrears {
  readonly #payment: Payment;
  readonly #later: Clock['later'];
  readonly #unsaid = new Map<string, Unsaid>();
  readonly #changed = new Set<Connection>();
  readonly #doubtful = new Map<string, Place>();
  /** Who is owed, and is being said just now. */
  readonly #saying = new Set<string>();
  #isWaiting = false;
  #paying: Promise<void> | undefined;

  constructor(payment: Payment, later: Clock['later']) {
    this.#payment = payment;
    this.#later = later;
  }

  /** How much is owed. */
  get size(): number {
    return this.#unsaid.size + this.#changed.size + this.#doubtful.size;
  }

  /** Whether any of it is of a channel of a room. */
  owesOf(place: Place): boolean {
    const key = placeKey(place);
    return (
      this.#doubtful.has(key) ||
      this.#changed.values().some((connection) => connection.placeKey === key) ||
      this.#unsaid.values().some((unsaid) => placeKey(unsaid.place) === key)
    );
  }

  /** Whether Redis is still to be told that this one has gone. */
  owes(clientId: string): boolean {
    return this.#unsaid.has(clientId) || this.#saying.has(clientId);
  }

  /** One has gone. */
  went(unsaid: Unsaid): void {
    this.#unsaid.set(unsaid.clientId, unsaid);
    this.#payLater();
  }

  /** One is not as Redis may think. */
  changed(connection: Connection): void {
    this.#changed.add(connection);
    this.#payLater();
  }

  /** One may be in this room whom nobody has. */
  doubt(place: Place): void {
    this.#doubtful.set(placeKey(place), place);
    this.#payLater();
  }

  /** Tries now; resolves when it has been tried. Never rejects. */
  pay(): Promise<void> {
    this.#paying ??= this.#pay().finally(() => {
      this.#paying = undefined;
    });
    return this.#paying;
  }

  /** Nothing is owed any more: others count this node as dead. */
  forget(): void {
    this.#unsaid.clear();
    this.#changed.clear();
    this.#doubtful.clear();
  }

  #payLater(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#later(() => {
      this.#isWaiting = false;
      void this.pay();
    }, retryMs);
  }

  async #pay(): Promise<void> {
    const { update, look } = this.#payment;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const connection of changed) update(connection);
    if (!(await this.#payAll(this.#unsaid, (unsaid) => this.#say(unsaid)))) return;
    await this.#payAll(this.#doubtful, look);
  }

  async #say(unsaid: Unsaid): Promise<void> {
    this.#saying.add(unsaid.clientId);
    await this.#payment.say(unsaid).finally(() => this.#saying.delete(unsaid.clientId));
  }

  /** Whether all of it was done; else what is left is for later. */
  async #payAll<T>(owed: Map<string, T>, payOne: (one: T) => Promise<unknown>): Promise<boolean> {
    const all = [...owed];
    for (let index = 0; index < all.length; index += paidAtOnce) {
      const some = all.slice(index, index + paidAtOnce).filter(([key, one]) => owed.get(key) === one);
      const paying = some.map(async ([key, one]) => {
        owed.delete(key);
        await payOne(one).catch(() => {
          if (!owed.has(key)) owed.set(key, one);
        });
      });
      await Promise.all(paying);
      if (!some.some(([key]) => owed.has(key))) continue;
      this.#payLater(); // so it is with the others
      return false;
    }
    return true;
  }
}
