import { WebSocket } from 'ws';

/** Who hears of what happens on a socket. */
export interface Owner {
  /** One message of the client. */
  receive(data: Buffer, isBinary: boolean): void;
  /** A sign of life. */
  heard(): void;
  /**
   * A close frame is about to go out, ours or the answer to the client's: nothing may follow it. Where this says `false`
   * it waits until `answerGoodbye`.
   */
  closing(): boolean;
  closed(code: number): void;
  /** The client broke the protocol; `code` is the library's name for how. */
  broken(error: Error & { readonly code?: string }): void;
}

/**
 * The library's socket, and who owns it. Each listener is one function that serves all sockets; `close` is what the
 * library itself calls to answer a close frame and to end what breaks the protocol.
 */
export class OwnedWebSocket extends WebSocket {
  owner: Owner | undefined = undefined;
  #goodbye: { readonly code: number | undefined; readonly reason: string | Buffer | undefined } | undefined;

  own(owner: Owner): void {
    this.owner = owner;
    this.on('message', onMessage)
      .on('pong', onHeard)
      .on('ping', onHeard)
      .on('close', onClose)
      .on('error', onError);
  }

  override close(code?: number, reason?: string | Buffer): void {
    if (this.owner?.closing() === false) this.#goodbye = { code, reason };
    else super.close(code, reason);
  }

  /** Answers a goodbye that was made to wait, if there is one. */
  answerGoodbye(): void {
    if (this.#goodbye === undefined) return;
    const { code, reason } = this.#goodbye;
    this.close(code, reason);
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
