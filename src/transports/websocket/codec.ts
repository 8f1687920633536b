import { type ClientMessage, frameLimits } from '../../../generated/messages.ts';
import { type ValidatorFault, validators } from '../../../generated/validators.js';
import { type Fault, SignalboxError } from '../../rooms/errors.ts';
import type { Source } from '../../rooms/frame.ts';
import { findJsonFault, type Member } from './json.ts';

/** A frame that was read: the message, or why it is refused, with its `id` where that could be read. */
export type Decoded =
  | { readonly message: ClientMessage; readonly source: Source; readonly refusal?: never }
  | { readonly message?: never; readonly refusal: SignalboxError; readonly id: string | undefined };

const idPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** Reads a frame of a client: parsed once, and checked by the one validator of its type. */
export function decode(text: string): Decoded {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return refuse(undefined, { pointer: '', message: 'must be JSON' });
  }
  const members: Member[] = [];
  const jsonFault = findJsonFault(text, frameLimits, members);
  if (jsonFault !== undefined) return refuse(frame, jsonFault);
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame)) {
    return refuse(frame, { pointer: '', message: 'must be object' });
  }
  if (!('type' in frame))
    return refuse(frame, { pointer: '', message: "must have required property 'type'" });
  if (typeof frame.type !== 'string') return refuse(frame, { pointer: '/type', message: 'must be string' });
  const validate = validators[frame.type];
  if (validate === undefined) {
    const errors = [{ pointer: '/type', message: 'must be a type of the contract' }];
    const refusal = new SignalboxError('unknown_type', 'There is no message of this type.', { errors });
    return { refusal, id: idOf(frame) };
  }
  if (validate(frame)) {
    return { message: frame, source: { id: frame.id, without: (name) => pieced(text, members, name) } };
  }
  return refuse(frame, toFault(validate.errors?.[0]));
}

/** An object of these members but one, each as it stands in the text. */
function pieced(text: string, members: readonly Member[], without: string): string {
  const others = members.filter(({ name }) => name !== without);
  return `{${others.map(({ start, end }) => text.slice(start, end)).join(',')}}`;
}

function refuse(frame: unknown, fault: Fault): Decoded {
  const details = { errors: [fault] };
  const refusal = new SignalboxError('invalid_message', 'The message breaks the contract.', details);
  return { refusal, id: idOf(frame) };
}

function idOf(frame: unknown): string | undefined {
  if (typeof frame !== 'object' || frame === null || !Object.hasOwn(frame, 'id')) return undefined;
  const { id } = frame as { id: unknown };
  return typeof id === 'string' && idPattern.test(id) ? id : undefined;
}

/** Points at the property itself where one is too many; Ajv points at the object that has it. */
function toFault(fault: ValidatorFault | undefined): Fault {
  const { instancePath = '', params, message = 'must be valid' } = fault ?? {};
  const extra = params?.additionalProperty;
  const pointer =
    typeof extra === 'string'
      ? `${instancePath}/${extra.replaceAll('~', '~0').replaceAll('/', '~1')}`
      : instancePath;
  return { pointer, message };
}
