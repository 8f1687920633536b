import { type Ban, type BanStore, longestBan } from './ban-store.ts';
import type { Place } from './connection.ts';

/** Bans looked at for each one that is added: those that have ended are gone after some more. */
const sweepPerAdd = 16;

/** Who is kept out, in this process. A ban that has ended counts for nothing, and is forgotten in passing. */
export class LocalBanStore implements BanStore {
  readonly #byId = new Map<string, Ban>();
  /** The bans of one user in one room; rarely more than one. */
  readonly #byUser = new Map<string, Ban[]>();
  readonly #now: () => number;
  #round = this.#byId.values();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Bans held, those that have ended and are not forgotten yet among them; for a metric. */
  get size(): number {
    return this.#byId.size;
  }

  add(ban: Ban): void {
    this.#sweep();
    const key = keyOf(ban);
    this.#byId.set(ban.banId, ban);
    this.#byUser.set(key, [...(this.#byUser.get(key) ?? []), ban]);
  }

  lift(banId: string): boolean {
    const ban = this.#byId.get(banId);
    if (ban === undefined) return false;
    this.#forget(ban);
    return ban.until > this.#now();
  }

  find(userId: string, { roomId, channel }: Place): Ban | undefined {
    const now = this.#now();
    const bans = this.#byUser.get(keyOf({ userId, roomId })) ?? [];
    return longestBan(
      bans.filter((ban) => ban.until > now),
      channel,
    );
  }

  list(): Ban[] {
    const now = this.#now();
    return [...this.#byId.values()].filter((ban) => ban.until > now);
  }

  #sweep(): void {
    for (let looked = 0; looked < sweepPerAdd; looked += 1) {
      const { value, done } = this.#round.next();
      if (done) {
        this.#round = this.#byId.values();
        return;
      }
      if (value.until <= this.#now()) this.#forget(value);
    }
  }

  #forget(ban: Ban): void {
    const key = keyOf(ban);
    const others = (this.#byUser.get(key) ?? []).filter((other) => other !== ban);
    this.#byId.delete(ban.banId);
    if (others.length > 0) this.#byUser.set(key, others);
    else this.#byUser.delete(key);
  }
}

/** A room id holds no blank, so nothing that is not the same reads the same. */
function keyOf({ roomId, userId }: Pick<Ban, 'roomId' | 'userId'>): string {
  return `${roomId} ${userId}`;
}
