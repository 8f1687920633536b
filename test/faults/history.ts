import type { Frame } from '../support/socket.ts';

/** What happened at a client, and at which of its sockets: all clients write into one list, in the order in which it did. */
export type Entry = { readonly client: string; readonly socket: number } & (
  | { readonly kind: 'open'; readonly roomId: string; readonly resume: boolean }
  /** The handshake failed; the status is 0 where there was none. */
  | { readonly kind: 'refused'; readonly status: number }
  | ({ readonly kind: 'send' } & Sent)
  | { readonly kind: 'receive'; readonly frame: Frame; readonly text: string }
  | { readonly kind: 'close'; readonly by: 'client' | 'server'; readonly code: number }
);

/** A message with an id; repeated with the same id where no answer was seen. */
export interface Sent {
  readonly id: string;
  readonly type: string;
  /** Which of its client's messages it is, over all sessions; none, where it is not to be followed. */
  readonly n?: number;
  /** Whom it is for; absent: all of the room. */
  readonly to?: string;
}

/** How things stand at the end, when all is quiet. */
export interface Ending {
  /** The connections as an administrator lists them. */
  readonly registry: readonly Listed[];
  /** The chat of each room, oldest first. */
  readonly chat: ReadonlyMap<string, readonly Said[]>;
}

export interface Listed {
  readonly clientId: string;
  readonly roomId: string;
  readonly connectionStatus: string;
  readonly isHost: boolean;
}

export interface Said {
  readonly messageId: string;
  readonly text: string;
}

/** What a fault excuses; nothing, where it says nothing. */
export interface Excuses {
  /** Connections may end. */
  readonly closes?: boolean;
  /** Sessions may end, and others begin in their place. */
  readonly freshStarts?: boolean;
  /** What is said between nodes may be lost; what is in the history is not. */
  readonly lossBetweenNodes?: boolean;
  /** The history may be lost. */
  readonly forgetting?: boolean;
}

/** The mark by which a message is known wherever it arrives. */
export function marked(client: string, n: number): string {
  return `${client}#${n} ${'·'.repeat(n % 200)}`;
}

/** Whose message it is, and which, by the mark in what it carries. */
export function markOf(carried: unknown): { readonly client: string; readonly n: number } | undefined {
  const [, client, n] = /^([\w-]+)#(\d+) /.exec(typeof carried === 'string' ? carried : '') ?? [];
  return client === undefined ? undefined : { client, n: Number(n) };
}
