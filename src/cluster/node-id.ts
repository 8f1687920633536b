import { randomInt } from 'node:crypto';

const idCharacters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A new id for the life of a node, drawn at random: 8 of `a-z` and `0-9`. */
export function newNodeId(): string {
  return Array.from({ length: 8 }, () => idCharacters[randomInt(idCharacters.length)]).join('');
}

/** The node that made a client id; empty where it is of none. */
export function nodeOf(clientId: string): string {
  return /^client_([a-z0-9]{8})_/.exec(clientId)?.[1] ?? '';
}
