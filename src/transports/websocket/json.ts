import type { Fault } from '../../rooms/errors.ts';

/** How deep and how rich in keys a message may be. */
export interface JsonLimits {
  readonly maxDepth: number;
  readonly maxKeys: number;
}

/** A member of the payload: its name, and where it stands in the text, from its name to the end of its value. */
export interface Member {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Names by which a careless merge of what was received reaches the prototypes of the receiver. */
const pollutants: ReadonlySet<string> = new Set(['__proto__', 'constructor']);

/** The beginning of an escaped half of a surrogate pair; raw ones do not get past the decoding of UTF-8. */
const escapedSurrogate = /\\u[dD][89a-fA-F]/;

/** One object or array that the scan is inside of. */
interface Level {
  /** The names seen so far; `undefined` in an array. */
  readonly names: string[] | undefined;
  /** The name or the index that the scan is at. */
  at: string | number;
  expectsName: boolean;
}

/**
 * Finds what `JSON.parse` forgives and other parsers read differently: names that repeat, `__proto__` and
 * `constructor`, lone surrogates, too deep and too many names. Two parties that read the same text differently
 * are the beginning of most JSON attacks.
 *
 * Strings are skipped by searching for their end, and looked into only where they are names, or may hold half a
 * surrogate pair: a long SDP costs next to nothing.
 *
 * @param text must be valid JSON: `JSON.parse` has accepted it
 * @param payload receives the members of the object at `/payload`
 */
export function findJsonFault(
  text: string,
  { maxDepth, maxKeys }: JsonLimits,
  payload?: Member[],
): Fault | undefined {
  const levels: Level[] = [];
  // A pattern, not `includes`: that call is moved into the loop by V8's optimiser, where it makes the whole quadratic.
  const mayHoldSurrogates = escapedSurrogate.test(text);
  let keys = 0;
  let memberStart = 0;
  const endMember = (level: Level | undefined, end: number) => {
    if (payload === undefined || levels.length !== 2 || !level?.names || levels[0]?.at !== 'payload') return;
    if (level.names.length > 0) payload.push({ name: String(level.at), start: memberStart, end });
  };
  const fault = (message: string): Fault => ({ pointer: pointerOf(levels), message });

  for (let i = 0; i < text.length; i += 1) {
    const level = levels.at(-1);
    switch (text[i]) {
      case '"': {
        const end = closingQuote(text, i);
        const literal = text.slice(i, end + 1);
        i = end;
        if (level?.names && level.expectsName) {
          if (levels.length === 2) memberStart = i - literal.length + 1;
          const name = stringOf(literal);
          keys += 1;
          level.at = name;
          if (keys > maxKeys) return fault(`must NOT have more than ${maxKeys} keys in all`);
          if (pollutants.has(name)) return fault(`must NOT be called ${name}`);
          // Of at most `maxKeys`: a list is cheaper to make than a set, and most objects are small.
          if (level.names.includes(name)) return fault('must NOT be there twice');
          level.names.push(name);
        }
        if (mayHoldSurrogates && escapedSurrogate.test(literal) && !stringOf(literal).isWellFormed()) {
          return fault('must NOT have a lone surrogate');
        }
        break;
      }
      case '{':
      case '[': {
        const isObject = text[i] === '{';
        if (levels.length === maxDepth) return fault(`must NOT be deeper than ${maxDepth}`);
        levels.push({
          names: isObject ? [] : undefined,
          at: isObject ? '' : 0,
          expectsName: isObject,
        });
        break;
      }
      case '}':
      case ']':
        endMember(level, i);
        levels.pop();
        break;
      case ':':
        if (level) level.expectsName = false;
        break;
      case ',':
        endMember(level, i);
        if (level?.names) level.expectsName = true;
        else if (level) level.at = Number(level.at) + 1;
        break;
    }
  }
  return undefined;
}

/** The index of the quote that ends the string that starts at `from`. */
function closingQuote(text: string, from: number): number {
  let end = text.indexOf('"', from + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

function stringOf(literal: string): string {
  return literal.includes('\\') ? JSON.parse(literal) : literal.slice(1, -1);
}

/** RFC 6901. */
function pointerOf(levels: readonly Level[]): string {
  return levels
    .map(({ at }) => `/${String(at).replaceAll('~', '~0').replaceAll('/', '~1').toWellFormed()}`)
    .join('');
}
