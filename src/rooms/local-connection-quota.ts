import {
  type Claimant,
  type ConnectionCounts,
  type ConnectionLimits,
  type ConnectionQuota,
  refuseTooMany,
} from './connection-quota.ts';

/** One connection that is counted. */
interface Claim {
  readonly clientId: string;
  readonly roomId: string;
}

/** Counts the connections of this process. */
export class LocalConnectionQuota implements ConnectionQuota {
  /** Most users have one connection, and for one a list is much smaller than a map. */
  readonly #byUser = new Map<string, Claim[]>();
  readonly #countByAddress = new Map<string, number>();
  readonly #limits: ConnectionLimits;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  check(claimant: Claimant): void {
    refuseTooMany(this.#countsOf(claimant), this.#limits);
  }

  take(clientId: string, claimant: Claimant): void {
    const { userId, roomId, address } = claimant;
    const own = this.#byUser.get(userId);
    if (own?.some((claim) => claim.clientId === clientId)) return;
    this.check(claimant);
    const claim = { clientId, roomId };
    if (own) own.push(claim);
    else this.#byUser.set(userId, [claim]);
    this.#count(address, 1);
  }

  release(clientId: string, { userId, address }: Claimant): void {
    const own = this.#byUser.get(userId) ?? [];
    const index = own.findIndex((claim) => claim.clientId === clientId);
    if (index < 0) return;
    own.splice(index, 1);
    if (own.length === 0) this.#byUser.delete(userId);
    this.#count(address, -1);
  }

  #countsOf({ userId, roomId, address }: Claimant): ConnectionCounts {
    const own = this.#byUser.get(userId) ?? [];
    const inRoom = own.filter((claim) => claim.roomId === roomId).length;
    return { inRoom, ofUser: own.length, ofAddress: this.#countByAddress.get(address) ?? 0 };
  }

  #count(address: string, change: 1 | -1): void {
    const count = (this.#countByAddress.get(address) ?? 0) + change;
    if (count > 0) this.#countByAddress.set(address, count);
    else this.#countByAddress.delete(address);
  }
}
