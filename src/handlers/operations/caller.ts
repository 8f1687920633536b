import type { Identity } from '../../rooms/identity.ts';

/** Who calls an operation. */
export interface Caller {
  readonly identity: Identity;
  readonly requestId: string;
  /** The address that the call came from. */
  readonly address: string;
  /** Leads to the next page of an answer: its address, relative to the server. */
  readonly linkNext: (address: string) => void;
  /** Says that a list is not complete, since some of it cannot be read; to be called before the list is returned. */
  readonly partial: () => void;
}

/** What an administrator did, for the audit log. */
export interface AdminAction {
  readonly type: 'admin.kicked' | 'admin.broadcast' | 'admin.closed' | 'admin.unbanned';
  /** The `sub` of the token. */
  readonly by: string;
  readonly requestId: string;
  /** The connection, the room or the ban. */
  readonly target: string;
  readonly channel?: string | undefined;
  readonly reason?: string | undefined;
  /** How many clients it reached. */
  readonly affected: number;
}
