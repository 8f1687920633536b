import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdapter } from '@socket.io/redis-adapter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { createClient } from 'redis';
import { Server, type ServerOptions, type Socket } from 'socket.io';
import { chatMessage } from './chat-message.ts';
import { answerQuestions } from './reporting.ts';

// Socket.IO with its own rooms, as its documentation shows them, and without its fallback to long polling; beside other
// nodes with one of its adapters for Redis, set as the documentation of that shows it.

const { REDIS_URL: redisUrl, ADAPTER: adapter, ANNOUNCE: announces } = process.env;
const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: false,
  serveClient: false,
  ...(redisUrl && { adapter: await adapterOf(redisUrl) }),
});
io.on('connection', join);
http.listen(0, '127.0.0.1', () => answerQuestions((http.address() as AddressInfo).port));

async function adapterOf(url: string): Promise<NonNullable<ServerOptions['adapter']>> {
  const client = createClient({ url });
  await client.connect();
  if (adapter === 'streams') return createStreamsAdapter(client);
  const subscriber = client.duplicate();
  await subscriber.connect();
  return createAdapter(client, subscriber);
}

async function join(socket: Socket): Promise<void> {
  const { room = '', user = '' } = socket.handshake.query;
  socket.on('chat.send', ({ text }: { readonly text: string }) => {
    io.to(room).emit('chat.message', chatMessage(socket.id, String(user), text));
  });
  for (const type of ['signal.offer', 'signal.answer', 'signal.candidate']) {
    socket.on(type, ({ to, ...payload }: { readonly to: string }) => {
      io.to(to).emit(type, { ts: Date.now(), from: socket.id, payload });
    });
  }
  socket.data.userId = String(user);
  await socket.join(room);
  if (announces) await announce(socket, room);
}

/** Presence as one writes it first: who is there, on all nodes, for the newcomer, and a message to each member. */
async function announce(socket: Socket, room: string | string[]): Promise<void> {
  const members = await io.in(room).fetchSockets();
  const roster = members.map(({ id, data }) => ({ clientId: id, userId: data.userId }));
  socket.emit('session.welcome', { rosterTotal: roster.length, roster });
  socket.to(room).emit('presence.joined', { clientId: socket.id, userId: socket.data.userId });
}
