import type { Json, JsonObject } from '../../src/codegen/documents.ts';
import type { TelemetryEvent } from '../../src/telemetry.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket, type TestSocket, valueAt } from '../support/socket.ts';
import type { Deed, Place, Send } from './deeds.ts';

/** How long anything may take before a run fails. */
const patienceMs = 3_000;
const scope = 'connections:read connections:kick rooms:close';

/** One server for all sequences. */
export interface House {
  readonly server: TestServer;
  /** Where the server itself listens, without the tap in front of it. */
  readonly port: number;
  /** Resolves when the server has taken this client out. */
  gone(clientId: string): Promise<void>;
}

/** Starts a server that tells who left, so that nobody has to sleep until a broken connection was noticed. */
export async function openHouse(): Promise<House> {
  let port = 0;
  const departures = new Map<string, PromiseWithResolvers<void>>();
  const departure = (clientId: string): PromiseWithResolvers<void> => {
    const known = departures.get(clientId) ?? Promise.withResolvers<void>();
    departures.set(clientId, known);
    return known;
  };
  const report = (event: TelemetryEvent): void => {
    if (event.type === 'server.started') port = Number(new URL(event.url).port);
    if (event.type === 'connection.left') departure(event.connection.clientId).resolve();
  };
  const server = await startServer({ MESSAGE_BUDGET_SCALE: '1000000' }, { report });
  return { server, port, gone: (clientId) => departure(clientId).promise };
}

/** A client of the server. */
export interface Client {
  readonly name: string;
  readonly clientId: string;
  readonly place: Place;
  readonly socket: TestSocket;
  /** What it sent, by the id of the frame. */
  readonly sent: Map<string, { readonly at: number; readonly type: string; readonly payload: JsonObject }>;
  /** When it was welcomed, as `Stage.now` counts. */
  readonly since: number;
  /** Whether it ended the connection itself. */
  cut: boolean;
}

let lastStage = 0;

/** The server as one sequence sees it, in rooms of its own: carries deeds out, and keeps what came of them. */
export class Stage {
  readonly clients: Client[] = [];
  readonly #house: House;
  /** Of the server, or of the tap in front of it. */
  readonly #port: number;
  readonly #prefix: string;
  readonly #names = new Map<string, string>();
  readonly #ids = new Map<string, string>();
  #now = 0;
  #lastAdmin = 0;

  constructor(house: House, port: number) {
    lastStage += 1;
    this.#house = house;
    this.#port = port;
    this.#prefix = `model-${lastStage}-`;
  }

  /** The name behind an id of the server; what is none stays what it is. */
  nameOf(id: string): string {
    return this.#names.get(id) ?? id;
  }

  /** A text with names in the place of the ids that are known. */
  named(text: string): string {
    return [...this.#names].reduce((named, [id, name]) => named.replaceAll(id, name), text);
  }

  /** Carries a deed out to its end, and says what that was, as `Model.apply` does. */
  async perform(deed: Deed): Promise<string> {
    switch (deed.do) {
      case 'join':
        return this.join(deed.name, deed.place, deed.user, deed.host);
      case 'send':
        return this.#send(deed);
      case 'adminKick': {
        const { status } = await this.#rest('POST', `/${this.#ids.get(deed.whom)}/kick`);
        return `${status}`;
      }
      case 'adminClose': {
        const narrowed = deed.channel ? `?channel=${deed.channel}` : '';
        const path = `/rooms/${this.#prefix}${deed.room}/close${narrowed}`;
        const { status, body } = await this.#rest('POST', path);
        return `${status} ${valueAt(body, 'disconnected')}`;
      }
      default: {
        const client = this.#client(deed.by);
        client.cut = true;
        if (deed.do === 'drop') client.socket.ws.terminate();
        else client.socket.ws.close(1000);
        await within(this.#house.gone(client.clientId), `the server to notice that ${client.name} has gone`);
        return 'gone';
      }
    }
  }

  async join(name: string, { room, channel }: Place, user: string, host: boolean): Promise<string> {
    const token = this.#house.server.token({ sub: user, name: user.toUpperCase(), ...(host && { host }) });
    let socket: TestSocket;
    try {
      socket = await openSocket({ port: this.#port }, `/ws/${channel}/${this.#prefix}${room}`, token);
    } catch (error) {
      const [, code] = /"code":"(\w+)"/.exec(String(error)) ?? [];
      if (code === undefined) throw error;
      return code;
    }
    const welcome = await socket.next('session.welcome', patienceMs);
    const clientId = String(valueAt(welcome.payload, 'self', 'clientId'));
    this.#call(clientId, name);
    const place = { room, channel };
    this.clients.push({ name, clientId, place, socket, sent: new Map(), since: this.#tick(), cut: false });
    return 'joined';
  }

  /** Has every client that is still connected ask for the roster, and gives the rosters. */
  async rosters(): Promise<Map<Client, Json[]>> {
    const rosters = new Map<Client, Json[]>();
    await Promise.all(
      this.clients.map(async (client) => {
        const ask: Send = {
          do: 'send',
          by: client.name,
          id: `r${this.#tick()}`,
          type: 'presence.list',
          payload: {},
        };
        if (client.cut || (await this.#send(ask)) === 'closed') return;
        const answer = client.socket.frames.find(({ replyTo }) => replyTo === ask.id);
        const participants = answer?.payload.participants;
        if (Array.isArray(participants)) rosters.set(client, participants);
      }),
    );
    for (const { name, socket } of this.clients.filter((client) => !rosters.has(client))) {
      await within(socket.closed, `the socket of ${name} to close`);
    }
    return rosters;
  }

  /** Who is in one of the rooms, by `GET /api/connections/active`. */
  async registry(room: string): Promise<Json[]> {
    const { body } = await this.#rest('GET', `/active?roomId=${this.#prefix}${room}`);
    if (Array.isArray(body)) return body;
    throw new Error(`not a list of connections: ${JSON.stringify(body)}`);
  }

  /** Everybody goes. */
  end(): void {
    for (const { socket } of this.clients) socket.ws.terminate();
  }

  /** Sends a message; gives `ack`, the code of an error, the type of another answer, or `closed`. */
  async #send({ by, id, type, payload }: Send): Promise<string> {
    const { socket, sent } = this.#client(by);
    const withIds: JsonObject = JSON.parse(
      JSON.stringify(payload),
      (_key, value) => this.#ids.get(value) ?? value,
    );
    sent.set(id, { at: this.#tick(), type, payload: withIds });
    const answered = socket.next(({ replyTo }) => replyTo === id, patienceMs);
    socket.send({ type, id, payload: withIds });
    try {
      const answer = await answered;
      const shareId = valueAt(answer.payload, 'result', 'shareId');
      if (typeof shareId === 'string') this.#call(shareId, String(payload.label));
      return answer.type === 'error' ? String(answer.payload.code) : answer.type;
    } catch (error) {
      // Whether it had to be answered first is for the checks to say.
      if (/the socket closed/.test(String(error))) return 'closed';
      throw new Error(`${by} got no answer to ${id}, ${type}: ${String(error)}`);
    }
  }

  /** Each call is of another user, since each user has a rate limit. */
  async #rest(method: string, path: string): Promise<{ status: number; body: Json }> {
    this.#lastAdmin += 1;
    const token = this.#house.server.token({ sub: `${this.#prefix}${this.#lastAdmin}`, scope });
    const response = await fetch(`http://127.0.0.1:${this.#port}/api/connections${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
    });
    return { status: response.status, body: await response.json() };
  }

  #client(name: string): Client {
    const client = this.clients.find((one) => one.name === name);
    if (client === undefined) throw new Error(`${name} is not connected`);
    return client;
  }

  #call(id: string, name: string): void {
    this.#names.set(id, name);
    this.#ids.set(name, id);
  }

  #tick(): number {
    this.#now += 1;
    return this.#now;
  }
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${patienceMs} ms went by while waiting for ${what}`)),
      patienceMs,
    );
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
