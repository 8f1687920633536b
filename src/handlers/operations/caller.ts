import type { Identity } from '../../rooms/identity.ts';

/** Who calls an operation. */
export interface Caller {
  readonly identity: Identity;
  readonly requestId: string;
}

/** What an administrator did, for the audit log. */
export interface AdminAction {
  readonly type: 'admin.kicked' | 'admin.broadcast' | 'admin.closed';
  /** The `sub` of the token. */
  readonly by: string;
  readonly requestId: string;
  /** The connection or the room. */
  readonly target: string;
  readonly channel?: string | undefined;
  readonly reason?: string | undefined;
  /** How many clients it reached. */
  readonly affected: number;
}
