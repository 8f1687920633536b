import { createPublicKey, createSecretKey } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jwtVerify } from 'jose';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { chatMessage } from './chat-message.ts';
import { answerQuestions } from './reporting.ts';

// What one writes first with the `ws` library, after its README: parse, stringify once, send to each. No limits, no
// validation, and no tokens, unless a key in the environment asks for one verification before each upgrade.

/** As the load sends it. */
interface Sent {
  readonly type: string;
  readonly payload: { readonly to: string; readonly text: string };
}

const { JWT_SECRET: secret, JWT_PUBLIC_KEY: publicKey, ANNOUNCE: announces } = process.env;
const key = secret ? createSecretKey(secret, 'utf8') : publicKey && createPublicKey(publicKey);
const rooms = new Map<string, Map<string, WebSocket>>();
const clients = new Map<string, WebSocket>();

const options: ServerOptions = { port: 0, host: '127.0.0.1', perMessageDeflate: false };
const server = new WebSocketServer(key ? { ...options, verifyClient: verify } : options);
server.on('connection', join);
server.on('listening', () => answerQuestions((server.address() as AddressInfo).port));

function verify(
  { req }: { req: IncomingMessage },
  answer: (granted: boolean, status?: number) => void,
): void {
  if (!key) return answer(false, 500);
  const token = addressOf(req).searchParams.get('token') ?? '';
  jwtVerify(token, key).then(
    () => answer(true),
    () => answer(false, 401),
  );
}

function join(socket: WebSocket, request: IncomingMessage): void {
  const { pathname, searchParams } = addressOf(request);
  const id = searchParams.get('id') ?? '';
  const members = rooms.get(pathname) ?? new Map<string, WebSocket>();
  rooms.set(pathname, members);
  members.set(id, socket);
  clients.set(id, socket);
  if (announces) announce(id, members);
  socket.on('message', (data) => receive(id, members, JSON.parse(data.toString())));
  socket.on('close', () => {
    members.delete(id);
    clients.delete(id);
  });
}

/** Presence as one writes it first: a roster for the newcomer, and a message to each member. */
function announce(id: string, members: ReadonlyMap<string, WebSocket>): void {
  const roster = Array.from(members.keys(), (member) => ({ userId: userOf(member) }));
  members.get(id)?.send(JSON.stringify({ type: 'session.welcome', payload: { roster } }));
  const joined = JSON.stringify({ type: 'presence.joined', payload: { userId: userOf(id) } });
  for (const [member, socket] of members) if (member !== id) socket.send(joined);
}

function receive(from: string, members: ReadonlyMap<string, WebSocket>, { type, payload }: Sent): void {
  if (type === 'chat.send') {
    const message = JSON.stringify({
      type: 'chat.message',
      ...chatMessage(from, userOf(from), payload.text),
    });
    for (const socket of members.values()) socket.send(message);
  } else {
    const { to, ...body } = payload;
    clients.get(to)?.send(JSON.stringify({ type, ts: Date.now(), from, payload: body }));
  }
}

function addressOf({ url }: IncomingMessage): URL {
  return new URL(url ?? '/', 'http://localhost');
}

function userOf(id: string): string {
  return id.slice(-6);
}
