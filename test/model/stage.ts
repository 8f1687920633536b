import type { Json, JsonObject } from '../../src/codegen/documents.ts';
import { type Frame, openSocket, type TestSocket, valueAt } from '../support/socket.ts';
import { Admin, portOf } from './admin.ts';
import { type Attendance, type Client, hasWelcome, patienceMs, within } from './clients.ts';
import type { Deed, Place, Send } from './deeds.ts';
import type { House } from './house.ts';

let lastStage = 0;

/** The server as one sequence sees it, in rooms of its own: carries deeds out, and keeps what came of them. */
export class Stage {
  readonly clients: Client[] = [];
  readonly admin: Admin;
  readonly #house: House;
  /** Of each node, or of the tap in front of it. */
  readonly #ports: readonly number[];
  readonly #prefix: string;
  readonly #names = new Map<string, string>();
  readonly #ids = new Map<string, string>();
  #lastRoster = 0;

  constructor(house: House, ports: readonly number[]) {
    lastStage += 1;
    this.#house = house;
    this.#ports = ports;
    this.#prefix = `model-${lastStage}-`;
    this.admin = new Admin(house, ports, this.#prefix);
  }

  /** Whether there is more than one node. */
  get isSpread(): boolean {
    return this.#ports.length > 1;
  }

  /** One of the nodes; each in its turn, as `n` counts up. */
  node(n: number): number {
    return n % this.#ports.length;
  }

  /** The name behind an id of the server; what is none stays what it is. */
  nameOf(id: string): string {
    return this.#names.get(id) ?? id;
  }

  /** The id of a client or a share; what has none keeps its name. */
  idOf(name: string): string {
    return this.#ids.get(name) ?? name;
  }

  /** A text with names in the place of the ids that are known. */
  named(text: string): string {
    return [...this.#names].reduce((named, [id, name]) => named.replaceAll(id, name), text);
  }

  /** Carries a deed out to its end, and says what that was, as `Model.apply` does. */
  async perform(deed: Deed): Promise<string> {
    switch (deed.do) {
      case 'join':
        return this.join(deed.name, deed.place, deed.node, deed.user, deed.host);
      case 'send':
        return this.#send(deed);
      case 'adminKick':
        return this.admin.kick(deed.node, this.idOf(deed.whom));
      case 'adminClose':
        return this.admin.close(deed);
      case 'adminBroadcast':
        return this.admin.broadcast(deed);
      case 'resume':
        return this.#resume(this.#client(deed.by), deed.node, deed.host);
      case 'expire':
        this.#house.expire(this.#client(deed.by).clientId);
        return 'gone';
      default: {
        const client = this.#client(deed.by);
        // Without its welcome it could not come back.
        if (this.#house.hasJoined(client.clientId) && !hasWelcome(client))
          await client.socket.next('session.welcome', patienceMs).catch(() => {}); // put out at that moment
        client.cut = true;
        if (deed.do === 'drop') client.socket.ws.terminate();
        else client.socket.ws.close(1000);
        await within(this.#house.gone(client.clientId), `the server to notice that ${client.name} has gone`);
        return 'gone';
      }
    }
  }

  async join(
    name: string,
    { room, channel }: Place,
    node: number,
    user: string,
    host: boolean,
  ): Promise<string> {
    const token = this.#token(user, name, host);
    const roomId = this.#prefix + room;
    let socket: TestSocket;
    try {
      socket = await openSocket({ port: portOf(this.#ports, node) }, `/ws/${channel}/${roomId}`, token);
    } catch (error) {
      const [, code] = /"code":"(\w+)"/.exec(String(error)) ?? [];
      if (code === undefined) throw error;
      return code;
    }
    const first = await firstFrame(socket);
    if (first === undefined) return 'restarting';
    const clientId = this.#house.idOf(roomId, name);
    this.#call(clientId, name);
    const place = { room, channel };
    this.clients.push({
      name,
      user,
      clientId,
      place,
      socket,
      sent: new Map(),
      resumed: undefined,
      cut: false,
    });
    return { 'session.welcome': 'joined', 'admission.waiting': 'waits' }[first.type] ?? first.type;
  }

  async #resume(client: Client, node: number, host: boolean): Promise<string> {
    if (!client.cut) return 'resumed'; // by another deed of the same moment
    client.cut = false;
    const { name, user, place, socket: before } = client;
    const welcome = before.frames.findIndex(({ type }) => type === 'session.welcome');
    const resumeToken = String(before.frames[welcome]?.payload.resumeToken);
    const query = `?resume=${resumeToken}&received=${before.frames.length - welcome}`;
    const path = `/ws/${place.channel}/${this.#prefix}${place.room}`;
    const port = portOf(this.#ports, node);
    try {
      const socket = await openSocket({ port }, path + query, this.#token(user, name, host));
      const first = await firstFrame(socket);
      if (first === undefined) {
        client.cut = true;
        return 'restarting';
      }
      if (first.payload.resumed === true) {
        socket.frames.splice(0, 1, ...before.frames);
        client.socket = socket;
        client.resumed = { welcome: first, before: before.frames.length };
        return 'resumed';
      }
      // Its session ended at the same moment: nobody knows who this is.
      client.cut = true;
      const clientId = this.#house.idOf(this.#prefix + place.room, name);
      const again = `${name} again`;
      this.#call(clientId, again);
      this.clients.push({
        name: again,
        user,
        clientId,
        place,
        socket,
        sent: new Map(),
        resumed: undefined,
        cut: false,
      });
      return 'anew';
    } catch (error) {
      client.cut = true;
      const [, code] = /"code":"(\w+)"/.exec(String(error)) ?? [];
      if (code === undefined) throw error;
      return code;
    }
  }

  /** Has every client that is still connected ask for the roster, once nothing is under way any more. */
  async attendance(): Promise<Attendance> {
    await this.#house.quiet();
    const rosters = new Map<Client, Json[]>();
    const waiting: Client[] = [];
    const ask = async (client: Client): Promise<void> => {
      if (client.cut) return;
      this.#lastRoster += 1;
      const id = `r${this.#lastRoster}`;
      const sent = { do: 'send', by: client.name, id, type: 'presence.list', payload: {} } as const;
      if ((await this.#send(sent)) === 'not_allowed') waiting.push(client);
      const answer = client.socket.frames.find(({ replyTo }) => replyTo === id);
      const participants = answer?.payload.participants;
      if (Array.isArray(participants)) rosters.set(client, participants);
    };
    await Promise.all(this.clients.map(ask));
    const gone = this.clients.filter((client) => !rosters.has(client) && !waiting.includes(client));
    for (const { name, socket } of gone) await within(socket.closed, `the socket of ${name} to close`);
    return { rosters, waiting };
  }

  /** Everybody goes. */
  end(): void {
    for (const { socket, clientId } of this.clients) {
      this.#house.forget(clientId);
      socket.ws.terminate();
    }
  }

  /** Sends a message; gives `ack`, the code of an error, the type of another answer, or `closed`. */
  async #send({ by, id, type, payload }: Send): Promise<string> {
    const { socket, sent, user } = this.#client(by);
    const withIds: JsonObject =
      type === 'session.refreshToken'
        ? { token: this.#token(user, by, payload.host === true) }
        : JSON.parse(JSON.stringify(payload), (_key, value) =>
            typeof value === 'string' ? this.idOf(value) : value,
          );
    const welcomed = this.clients.filter((client) => hasWelcome(client));
    sent.set(id, { type, payload: withIds, welcomed: new Set(welcomed) });
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

  #token(user: string, name: string, host: boolean): string {
    return this.#house.token({ sub: user, name, ...(host && { host }) });
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
}

/** What a server says first; nothing where another node has changed the room since it was checked, and the handshake was over. */
async function firstFrame(socket: TestSocket): Promise<Frame | undefined> {
  try {
    return await socket.next(undefined, patienceMs);
  } catch (error) {
    if (/closed with 1012/.test(String(error))) return undefined;
    throw error;
  }
}
