import { WebSocket } from 'ws';

/** Who hears of what happens on a socket. */
export interface Owner {
  /** One message of the client. */
  receive(data: Buffer, isBinary: boolean): void;
  /** A sign of life. */
  heard(): void;
  closed(code: number): void;
  /** The client broke the protocol; `code` is the library's name for how. */
  broken(error: Error & { readonly code?: string }): void;
}

/** The library's socket, and who owns it: each listener is one function that serves all sockets. */
export class OwnedWebSocket extends WebSocket {
  owner: Owner | undefined = undefined;

  own(owner: Owner): void {
    this.owner = owner;
    this.on('message', onMessage)
      .on('pong', onHeard)
      .on('ping', onHeard)
      .on('close', onClose)
      .on('error', onError);
  }
}

function onMessage(this: WebSocket, data: WebSocket.RawData, isBinary: boolean): void {
  // `binaryType` is nodebuffer, so data is a Buffer.
  if (Buffer.isBuffer(data)) ownerOf(this)?.receive(data, isBinary);
}

function onHeard(this: WebSocket): void {
  ownerOf(this)?.heard();
}

function onClose(this: WebSocket, code: number): void {
  ownerOf(this)?.closed(code);
}

function onError(this: WebSocket, error: Error): void {
  ownerOf(this)?.broken(error);
}

function ownerOf(ws: WebSocket): Owner | undefined {
  return ws instanceof OwnedWebSocket ? ws.owner : undefined;
}
