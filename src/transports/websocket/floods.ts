import { flood } from '../../../generated/messages.ts';
import type { LimitStore } from '../../limits/limit-store.ts';
import { checkedPolicy } from '../../limits/policy.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Report } from '../../rooms/events.ts';
import type { Identity } from '../../rooms/identity.ts';
import { refuseBlocked } from '../guards/blocked.ts';
import type { SocketEvent } from './socket-event.ts';

const { policy } = flood;

/** Keeps out who came back and flooded again. */
export class Floods {
  readonly #limits: LimitStore;
  readonly #report: Report<SocketEvent>;

  constructor(limits: LimitStore, report: Report<SocketEvent>) {
    checkedPolicy(policy);
    this.#limits = limits;
    this.#report = report;
  }

  /** Refuses one who is blocked as `rate_limited`. */
  async check({ subjectKey }: Identity): Promise<void> {
    refuseBlocked(policy, await this.#limits.blocked(policy, subjectKey));
  }

  /** Counts a flood. Nobody waits for it, so a store that fails is reported and the promise does not reject. */
  async record(connection: Connection): Promise<void> {
    try {
      await this.#limits.take(policy, connection.identity.subjectKey);
    } catch (error) {
      this.#report({ type: 'socket.failed', connection, error });
    }
  }
}
