import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import { chatMessage } from './chat-message.ts';
import { answerQuestions } from './reporting.ts';

// Socket.IO with its own rooms, as its documentation shows them, and without its fallback to long polling.

const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
io.on('connection', join);
http.listen(0, '127.0.0.1', () => answerQuestions((http.address() as AddressInfo).port));

async function join(socket: Socket): Promise<void> {
  const { room = '', user = '' } = socket.handshake.query;
  await socket.join(room);
  socket.on('chat.send', ({ text }: { readonly text: string }) => {
    io.to(room).emit('chat.message', chatMessage(socket.id, String(user), text));
  });
  for (const type of ['signal.offer', 'signal.answer', 'signal.candidate']) {
    socket.on(type, ({ to, ...payload }: { readonly to: string }) => {
      io.to(to).emit(type, { ts: Date.now(), from: socket.id, payload });
    });
  }
}
