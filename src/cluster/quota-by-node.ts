import type { Claimant, ConnectionQuota } from '../rooms/connection-quota.ts';
import { type Ready, whenFailed } from '../rooms/ready.ts';
import { nodeOf } from './node-id.ts';

/**
 * Counts each connection by an id of the node that has it, also where its session was begun on another one: what a node
 * held that has died does not count, and what this one holds does.
 */
export class QuotaByNode implements ConnectionQuota {
  readonly #quota: ConnectionQuota;
  readonly #node: () => string;
  /** By the ids of those that were begun elsewhere: what they count by. */
  readonly #names = new Map<string, string>();

  constructor(quota: ConnectionQuota, node: () => string) {
    this.#quota = quota;
    this.#node = node;
  }

  check(claimant: Claimant): Ready<void> {
    return this.#quota.check(claimant);
  }

  take(clientId: string, claimant: Claimant): Ready<void> {
    const [home, node] = [nodeOf(clientId), this.#node()];
    if (home === node || this.#names.has(clientId)) return this.#quota.take(this.#name(clientId), claimant);
    const name = clientId.replace(home, node);
    this.#names.set(clientId, name);
    return whenFailed(
      () => this.#quota.take(name, claimant),
      () => this.#names.delete(clientId),
    );
  }

  release(clientId: string, claimant: Claimant): void {
    const name = this.#name(clientId);
    this.#names.delete(clientId);
    this.#quota.release(name, claimant);
  }

  #name(clientId: string): string {
    return this.#names.get(clientId) ?? clientId;
  }
}
