import type { JsonObject } from '../../src/codegen/documents.ts';

/** The sections of the coverage, in the order in which they are printed. */
export const sections = [
  'operations',
  'shared responses',
  'unrouted responses',
  'messages',
  'transcript',
  'codes on HTTP',
  'codes on sockets',
  'close codes',
] as const;

/** A section of the coverage. */
export type Section = (typeof sections)[number];

/** A message as it was on the wire. */
export interface Example {
  readonly channel: string;
  readonly frame: JsonObject;
}

/** Something that the specs declare and that a test provoked, in words that both sides spell alike. */
export type Fact = readonly [section: Section, entry: string, example?: Example];

/** A response of one operation, or with a part one of its headers or media types. */
export function operationFact(operation: string, status: string, part?: string): Fact {
  return ['operations', [operation, status, ...(part === undefined ? [] : [part])].join(' ')];
}

/** A response that operations share, by its name in the components. */
export function sharedFact(name: string, part?: string): Fact {
  return ['shared responses', [name, ...(part === undefined ? [] : [part])].join(' ')];
}

/** A response to a request that belongs to no operation. */
export function unroutedFact(status: string): Fact {
  return ['unrouted responses', status];
}

/** A message, by its key in the components, which says its direction. */
export function messageFact(key: string): Fact {
  return ['messages', key];
}

/** A message that belongs into the transcript, by its key; of a client only what was carried out. */
export function transcriptFact(key: string, example?: Example): Fact {
  return example === undefined ? ['transcript', key] : ['transcript', key, example];
}

/** An error code, in a problem document or in an `error` frame. */
export function codeFact(code: string, on: 'HTTP' | 'sockets'): Fact {
  return [`codes on ${on}`, code];
}

/** A code with which the server closed a socket. */
export function closeFact(code: number, name: string): Fact {
  return ['close codes', `${code} ${name}`];
}
