import type { Json } from '../../src/codegen/documents.ts';
import { type Person, type Room, without } from './people.ts';

/** The code of the error that answers a message. */
export class Refusal extends Error {}

/** The same list where nothing changes. */
export function hostsAfter(type: string, hosts: Person[], sender: Person, to: Person): Person[] {
  const withTo = hosts.includes(to) ? hosts : [...hosts, to];
  if (type === 'host.grant') return withTo;
  if (type === 'host.transfer') return to === sender ? hosts : without(withTo, sender);
  const others = without(hosts, to);
  if (!hosts.includes(to)) return hosts;
  if (to !== sender && to.host && !sender.host) throw new Refusal('not_allowed');
  if (others.length === 0) throw new Refusal('conflict');
  return others;
}

/** The member of this name. */
export function member({ members }: Pick<Room, 'members'>, name: Json | undefined, except?: Person): Person {
  const found = members.find((one) => one.name === name && one !== except);
  if (found === undefined) throw new Refusal('peer_not_found');
  return found;
}
