import type { NodeMessage } from '../rooms/broker.ts';
import type { Frame } from '../rooms/frame.ts';

/** The version of the format in which nodes tell each other something: any change of it, a new kind too, is another. */
export const envelopeVersion = '2';

/**
 * What one node sends to others: one line of words parted by single spaces, and a body as it is, so that the frame of a
 * client's message travels without being written anew.
 *
 * ```
 * 2 <origin> announce <flags> <from> <except> <only, by commas>[ <echo>]\n<frame>
 * 2 <origin> direct <flags> <to> <from>[ <echo>]\n<frame>
 * 2 <origin> fence <echo>\n
 * 2 <origin> <any other kind>\n<JSON>
 * 2 <origin> event …\n<JSON>          written by the scripts of the room store
 * ```
 * `-` stands for what is absent. Flags: `v` for a volatile frame, `w` for those who wait as well.
 */
export interface Envelope {
  readonly version: string;
  /** The node that wrote it. */
  readonly origin: string;
  readonly kind: string;
  /** What else the first line says. */
  readonly words: readonly string[];
  readonly body: string;
}

/** Writes a message of a node; ids, and the names of echoes, hold neither spaces nor commas. */
export function seal(origin: string, message: NodeMessage): string {
  switch (message.kind) {
    case 'announce': {
      const { frame, from = '-', except = '-', only, alsoWaiting = false, echo } = message;
      const audience = only === undefined ? '-' : only.join(',');
      const head = `${envelopeVersion} ${origin} announce ${flagsOf(frame, alsoWaiting)} ${from} ${except}`;
      return `${head} ${audience}${echo === undefined ? '' : ` ${echo}`}\n${frame.text}`;
    }
    case 'direct': {
      const { to, frame, from = '-', echo } = message;
      const head = `${envelopeVersion} ${origin} direct ${flagsOf(frame, false)} ${to} ${from}`;
      return `${head}${echo === undefined ? '' : ` ${echo}`}\n${frame.text}`;
    }
    case 'fence':
      return `${envelopeVersion} ${origin} fence ${message.echo}\n`;
    default: {
      const { kind, ...said } = message;
      return `${envelopeVersion} ${origin} ${kind}\n${JSON.stringify(said)}`;
    }
  }
}

/** Reads the first line; what has none is of no version. */
export function open(text: string): Envelope {
  const end = text.indexOf('\n');
  const words = end < 0 ? [] : text.slice(0, end).split(' ');
  const [version = '', origin = '', kind = ''] = words;
  return { version, origin, kind, words: words.slice(3), body: text.slice(end + 1) };
}

/** Whether it is for the node that wrote it as well. */
export function comesBack({ kind, words }: Envelope): boolean {
  const at = { announce: 4, direct: 3, fence: 0 }[kind];
  return at !== undefined && words[at] !== undefined;
}

/** The message of a node in an envelope of this version; `undefined` where it holds something else. */
export function messageIn({ kind, words, body }: Envelope): NodeMessage | undefined {
  switch (kind) {
    case 'announce': {
      const [flags = '', from, except, only = '-', echo] = words;
      return {
        kind,
        frame: frameIn(flags, body),
        ...present('from', from),
        ...present('except', except),
        ...(only !== '-' && { only: only === '' ? [] : only.split(',') }),
        ...(flags.includes('w') && { alsoWaiting: true }),
        ...present('echo', echo),
      };
    }
    case 'direct': {
      const [flags = '', to = '', from, echo] = words;
      return {
        kind,
        to,
        frame: frameIn(flags, body),
        ...present('from', from),
        ...present('echo', echo),
      };
    }
    case 'fence':
      return { kind, echo: words[0] ?? '' };
    case 'banned':
    case 'vacate':
    case 'claim':
    case 'refusal':
    case 'parcel':
      return { kind, ...JSON.parse(body) };
    default:
      return undefined;
  }
}

function flagsOf(frame: Frame, alsoWaiting: boolean): string {
  return `${frame.volatile ? 'v' : ''}${alsoWaiting ? 'w' : ''}` || '-';
}

function frameIn(flags: string, text: string): Frame {
  return { text, volatile: flags.includes('v') };
}

function present<Name extends string>(name: Name, word = '-'): { [N in Name]?: string } {
  return word === '-' ? {} : ({ [name]: word } as { [N in Name]: string });
}
