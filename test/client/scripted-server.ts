import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { SessionWelcome } from '../../generated/messages.ts';
import { atScopeEnd } from '../support/scope.ts';

/** A message of a client, as it came. */
export interface Said {
  readonly type: string;
  readonly id?: string;
  readonly payload: Record<string, unknown>;
}

/** The server's end of one socket, which says what the test has it say. */
export class ScriptedSocket {
  readonly #ws: WebSocket;
  readonly #said: Said[] = [];
  readonly #wanted: (() => void)[] = [];
  /** How the client asked for it. */
  readonly query: URLSearchParams;
  readonly token: string;
  /** What the client closed it with. */
  readonly closed: Promise<number>;

  constructor(ws: WebSocket, { url = '', headers }: IncomingMessage) {
    this.#ws = ws;
    this.query = new URL(url, 'ws://localhost').searchParams;
    this.token = headers['sec-websocket-protocol']?.split('bearer.')[1] ?? '';
    this.closed = once(ws, 'close').then(([code]) => code);
    ws.on('message', (data) => {
      this.#said.push(JSON.parse(String(data)));
      for (const wake of this.#wanted.splice(0)) wake();
    });
  }

  /** The next message of a client, of this type; those of other types are left out. */
  async next(type: string): Promise<Said> {
    for (;;) {
      const index = this.#said.findIndex((said) => said.type === type);
      const [found] = index < 0 ? [] : this.#said.splice(index, 1);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#wanted.push(resolve));
    }
  }

  send(type: string, payload: object = {}, replyTo?: string): void {
    this.#ws.send(JSON.stringify({ type, ts: 1, ...(replyTo && { replyTo }), payload }));
  }

  close(code?: number): void {
    this.#ws.close(code);
  }

  cut(): void {
    this.#ws.terminate();
  }
}

/** A server without rules: each socket that comes is handed to the test. */
export async function startScripted() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const come: ScriptedSocket[] = [];
  const wanted: ((socket: ScriptedSocket) => void)[] = [];
  let refusals = 0;
  server.options.verifyClient = (_: unknown, done: (isWelcome: boolean, status?: number) => void) => {
    refusals -= 1;
    done(refusals < 0, 503);
  };
  server.on('connection', (ws, request) => {
    const socket = new ScriptedSocket(ws, request);
    const take = wanted.shift();
    if (take === undefined) come.push(socket);
    else take(socket);
  });
  await once(server, 'listening');
  atScopeEnd(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The next socket that comes. */
    next: async (): Promise<ScriptedSocket> => come.shift() ?? new Promise((resolve) => wanted.push(resolve)),
    /** Whether nobody has come whom nobody has asked for, a while after all waits of the tests are over. */
    idle: async (): Promise<boolean> => {
      await new Promise((later) => setTimeout(later, 200));
      return come.length === 0;
    },
    /** Refuses so many of the next upgrades. */
    refuse: (count: number) => {
      refusals = count;
    },
  };
}

/** A welcome as the contract has it. */
export function welcomeOf(clientId: string, more: Partial<SessionWelcome> = {}): SessionWelcome {
  const self = {
    clientId,
    userId: 'user_123',
    presenterName: 'user_123',
    role: 'host',
    isHost: true,
    order: 1,
    joinedAt: '2024-01-15T11:30:00Z',
    connectionStatus: 'connected',
    media: { mic: 'off', camera: 'off', screen: 'off' },
    handRaised: false,
  } as const;
  return {
    protocol: 'signal.v1',
    self,
    room: {
      roomId: 'r',
      channel: 'chat',
      locked: false,
      admission: 'open',
      hosts: [clientId],
      shares: [],
      participantCount: 1,
      createdAt: '2024-01-15T11:30:00Z',
    },
    roster: [self],
    rosterTotal: 1,
    resumed: false,
    resumeToken: `token-of-${clientId}`,
    resumeWindowMs: 60_000,
    iceServers: [],
    tokenExpiresAt: '2030-01-15T11:30:00Z',
    heartbeat: { intervalMs: 15_000, timeoutMs: 22_000 },
    limits: { maxMessageBytes: 65_536 },
    ...more,
  };
}
