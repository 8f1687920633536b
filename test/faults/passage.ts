import { connect, createServer, type Socket } from 'node:net';

// A process between clients and a server, which hands on bytes: when it is killed, all who came by it are cut at once.
// `passage.ts <port of the server> <port to listen on>`

const [target = 0, port] = process.argv.slice(2).map(Number);
/** All may come back at the same time. */
const backlog = 4_096;

const listener = createServer({ noDelay: true }, (client) => {
  const server = connect({ port: target, host: '127.0.0.1', noDelay: true });
  handOn(client, server);
  handOn(server, client);
});
listener.listen(port, '127.0.0.1', backlog, () => process.send?.('listening'));
process.on('disconnect', () => process.exit());

function handOn(from: Socket, to: Socket): void {
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.on('close', () => to.destroy());
}
