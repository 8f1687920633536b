import type { CloseName } from '../../generated/messages.ts';
import type { Broker } from './broker.ts';
import type { Connection, MemberRecord, Outlet, Place } from './connection.ts';
import type { Frame } from './frame.ts';
import { placeKey } from './room-store.ts';

/** The way to a client that another node has. */
export class RemoteOutlet implements Outlet {
  readonly #broker: Broker;
  readonly #node: string;
  readonly #place: Place;
  readonly #clientId: string;

  constructor(broker: Broker, node: string, place: Place, clientId: string) {
    this.#broker = broker;
    this.#node = node;
    this.#place = place;
    this.#clientId = clientId;
  }

  send(frame: Frame): void {
    this.#broker.send(this.#node, this.#place, { kind: 'direct', to: this.#clientId, frame });
  }

  close(name: CloseName, last?: Frame): void {
    const message = { kind: 'direct', to: this.#clientId, close: name, frame: last } as const;
    this.#broker.send(this.#node, this.#place, message);
  }

  /** Its messages are answered where it is: for this node none is at hand. */
  finish(name: CloseName, last?: Frame): void {
    this.close(name, last);
  }
}

/** One of another node, as that one tells of it. */
export function remoteConnection(broker: Broker, place: Place, member: MemberRecord): Connection {
  const { roomId, channel } = place;
  const { clientId, node, userId, presenterName, tokenHost, ...seen } = member;
  const grants = { scopes: new Set<string>(), rooms: undefined, channels: undefined };
  return {
    ...{ roomId, channel, clientId, node, ...seen, metadata: seen.metadata },
    placeKey: placeKey({ roomId, channel }),
    serial: 0,
    resumeToken: '',
    order: 0,
    outlet: new RemoteOutlet(broker, node, { roomId, channel }, clientId),
    address: '',
    identity: { userId, presenterName, host: tokenHost, ...grants, expiresAt: 0, subjectKey: '' },
    lostSerial: 0,
  };
}
