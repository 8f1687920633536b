/** Who a client is, and where it goes. */
export interface Seat {
  readonly index: number;
  readonly room: string;
  /** The number of its node, where there are several. */
  readonly node?: number;
  /** Empty where the server asks for none. */
  readonly token: string;
}

/** How a server is spoken to. The benchmark writes it out, so that no client library is measured or trusted. */
export interface Dialect {
  readonly path: (seat: Seat) => string;
  /** Whether a client has joined once its upgrade is answered; else {@link greeted} says when. */
  readonly joinsAtOnce: boolean;
  /** The id that a client brings along, where it has joined at once. */
  readonly idOf: (seat: Seat) => string;
  /** Reads what comes before a client has joined: what to reply, and its id once it has. */
  readonly greeted: (text: string) => { readonly reply?: string; readonly id?: string };
  /** The answer to a ping in a text, which only Socket.IO sends. */
  readonly pong: string;
  /** A chat message for everybody in the room, the sender too. It asks for no acknowledgement. */
  readonly chat: (text: string) => string;
  /** A message for one peer. */
  readonly signal: (type: string, to: string, body: object) => string;
}

/** Names a client: its user's id, and its user's name. */
export function userOf({ index }: Pick<Seat, 'index'>): string {
  return `u${String(index).padStart(5, '0')}`;
}

const json = {
  pong: '',
  // Without an `id` a message is answered by nothing but its own delivery.
  chat: (text) => JSON.stringify({ type: 'chat.send', payload: { text } }),
  signal: (type, to, body) => JSON.stringify({ type, payload: { to, ...body } }),
} satisfies Partial<Dialect>;

/** The protocol `signal.v1`: the first frame is `session.welcome`, which first of all names its client. */
export const signalbox: Dialect = {
  ...json,
  path: ({ room, token }) => `/ws/zoom/${room}?token=${token}`,
  joinsAtOnce: false,
  idOf: userOf,
  greeted: (text) => {
    const [, id] = /^\{"type":"session\.welcome".*?"self":\{"clientId":"(\w+)"/.exec(text) ?? [];
    if (id === undefined) throw new Error(`no welcome, but ${text.slice(0, 200)}`);
    return { id };
  },
};

/** The plain server: the same messages, and clients that name themselves, as long as the server would. */
export const plain: Dialect = {
  ...json,
  path: (seat) => `/ws/zoom/${seat.room}?id=${plain.idOf(seat)}&token=${seat.token}`,
  joinsAtOnce: true,
  idOf: (seat) => `client_${userOf(seat).padStart(32, '0')}`,
  greeted: () => ({}),
};

/** Socket.IO 5 over Engine.IO 4: `0{…}` opens, `40` asks for the namespace, `40{…}` grants it, `2` pings. */
export const socketIo: Dialect = {
  path: (seat) => `/socket.io/?EIO=4&transport=websocket&room=${seat.room}&user=${userOf(seat)}`,
  joinsAtOnce: false,
  idOf: userOf,
  greeted: (text) => {
    if (text.startsWith('0{')) return { reply: '40' };
    const [, id] = /^40\{"sid":"([\w-]+)"/.exec(text) ?? [];
    if (id === undefined) throw new Error(`not Socket.IO: ${text.slice(0, 200)}`);
    return { id };
  },
  pong: '3',
  chat: (text) => `42${JSON.stringify(['chat.send', { text }])}`,
  signal: (type, to, body) => `42${JSON.stringify([type, { to, ...body }])}`,
};
