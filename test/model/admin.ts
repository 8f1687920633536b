import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../../src/codegen/documents.ts';
import { valueAt } from '../support/socket.ts';
import type { Deed } from './deeds.ts';
import type { House } from './house.ts';

type RoomDeed = Extract<Deed, { do: 'adminClose' | 'adminBroadcast' }>;

const scope = 'connections:read connections:kick rooms:broadcast rooms:close';

/** The admin API, in the rooms of one sequence. */
export class Admin {
  readonly #house: House;
  readonly #ports: readonly number[];
  readonly #prefix: string;
  #last = 0;

  /** @param prefix what the names of the rooms begin with */
  constructor(house: House, ports: readonly number[], prefix: string) {
    this.#house = house;
    this.#ports = ports;
    this.#prefix = prefix;
  }

  /** Who is in one of the rooms, by `GET /api/connections/active`, which must say the same on all nodes. */
  async registry(room: string): Promise<Json[]> {
    const path = `/active?roomId=${this.#prefix}${room}`;
    const answers = await Promise.all(this.#ports.map((_port, node) => this.#call(node, 'GET', path)));
    const [list, ...others] = answers.map(({ body }) => body);
    if (!Array.isArray(list)) throw new Error(`not a list of connections: ${JSON.stringify(list)}`);
    const other = others.find((one) => !isDeepStrictEqual(one, list));
    if (other === undefined) return list;
    throw new Error(`one node lists ${JSON.stringify(list)}\n  another ${JSON.stringify(other)}`);
  }

  async kick(node: number, clientId: string): Promise<string> {
    const { status } = await this.#call(node, 'POST', `/${clientId}/kick`);
    return `${status}`;
  }

  /** Says how many were disconnected. */
  async close(deed: RoomDeed): Promise<string> {
    const { status, body } = await this.#call(deed.node, 'POST', this.#path(deed, 'close'));
    return `${status} ${valueAt(body, 'disconnected')}`;
  }

  /** Says to how many it was delivered. */
  async broadcast(deed: RoomDeed): Promise<string> {
    const message = { message: deed.room };
    const { status, body } = await this.#call(deed.node, 'POST', this.#path(deed, 'broadcast'), message);
    return `${status} ${valueAt(body, 'delivered')}`;
  }

  #path({ room, channel }: RoomDeed, what: string): string {
    return `/rooms/${this.#prefix}${room}/${what}${channel ? `?channel=${channel}` : ''}`;
  }

  /** Each call is of another user, since each user has a rate limit. */
  async #call(
    node: number,
    method: string,
    path: string,
    send?: Json,
  ): Promise<{ status: number; body: Json }> {
    this.#last += 1;
    const token = this.#house.token({ sub: `${this.#prefix}${this.#last}`, scope });
    const response = await fetch(`http://127.0.0.1:${portOf(this.#ports, node)}/api/connections${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(send !== undefined && { body: JSON.stringify(send) }),
    });
    return { status: response.status, body: await response.json() };
  }
}

/** The port of a node, counted from 0. */
export function portOf(ports: readonly number[], node: number): number {
  const port = ports[node];
  if (port === undefined) throw new Error(`there is no node ${node}`);
  return port;
}
