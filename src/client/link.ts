import { closeCodes, type ServerMessage } from '../../generated/messages.ts';

/** What becomes of one attempt to connect. */
export interface LinkEvents {
  readonly message: (message: ServerMessage) => void;
  /** It is over, or never came about (1006). Called once at most. */
  readonly lost: (code: number, reason: string) => void;
}

/** How long the first frame may take, and the answer to a goodbye. */
const firstFrameMs = 10_000;
const goodbyeMs = 3_000;

/** The client's end of one WebSocket. */
export class Link {
  readonly #socket: WebSocket;
  readonly #events: LinkEvents;
  #deadline: ReturnType<typeof setTimeout>;

  /**
   * @param token a JWT; it travels as a subprotocol, so that it ends up in no log
   * @throws where the address or the token cannot be one
   */
  constructor(address: string, token: string, events: LinkEvents) {
    this.#events = events;
    this.#socket = new WebSocket(address, ['signal.v1', `bearer.${token}`]);
    this.#socket.onmessage = ({ data }) => {
      clearTimeout(this.#deadline);
      events.message(JSON.parse(data) as ServerMessage);
    };
    this.#socket.onclose = ({ code, reason }) => {
      clearTimeout(this.#deadline);
      events.lost(code, reason);
    };
    this.#deadline = setTimeout(() => this.lose('no answer came in time'), firstFrameMs);
  }

  send(frame: object): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  /** Says goodbye, which ends the session; `lost` follows. */
  close(): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.lose('the goodbye was not answered'), goodbyeMs);
    this.#socket.close();
  }

  /**
   * Lets go of the socket, of which nothing more is heard, and which need not hear this: the session outlives it.
   *
   * That the server may hear it takes a code that scripts may close with, and after which a session can be resumed.
   */
  abandon(): void {
    clearTimeout(this.#deadline);
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#socket.close(closeCodes.heartbeat_timeout);
  }

  /** Takes the connection for dead, as if the network had said so. */
  lose(reason: string): void {
    this.abandon();
    this.#events.lost(1006, reason); // RFC 6455, section 7.4.1: what has closed without a word
  }
}
