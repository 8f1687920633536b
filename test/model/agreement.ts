import { isDeepStrictEqual } from 'node:util';
import { isObject, type Json } from '../../src/codegen/documents.ts';
import { type Frame, valueAt } from '../support/socket.ts';
import type { Model } from './model.ts';
import type { Expected } from './people.ts';
import type { Stage } from './stage.ts';

/** Every frame that every client got is the one that the model foretells, and so is who is there. */
export async function checkModel(model: Model, stage: Stage): Promise<void> {
  for (const room of ['a', 'b']) {
    const there = model.there.filter(({ place }) => place.room === room);
    const listed = (await stage.admin.registry(room)).map((one) =>
      ['clientId', 'connectionStatus', 'isHost'].map((field) => valueAt(one, field)),
    );
    const due = there.map((person) => [
      stage.idOf(person.name),
      person.end === undefined ? 'connected' : 'disconnected',
      model.room(person.place).hosts.includes(person),
    ]);
    if (!isDeepStrictEqual(listed, due)) throw new Error(`/active should list ${due}\n  but lists ${listed}`);
  }
  for (const { name, hears, end } of model.people) {
    const client = stage.clients.find((one) => one.name === name);
    const got = (client?.socket.frames ?? []).filter(({ replyTo }) => !replyTo?.startsWith('r'));
    const isCut = end === 1006;
    for (let i = 0; i < Math.max(hears.length, got.length); i += 1) {
      const [wanted, frame] = [hears[i], got[i]];
      if (frame === undefined && isCut) break; // what was on its way is lost
      if (wanted && frame && isAsExpected(frame, wanted, stage)) continue;
      throw new Error(
        `frame ${i + 1} of ${name}\n  should be ${JSON.stringify(wanted)}\n  but is   ${JSON.stringify(frame)}`,
      );
    }
  }
}

function isAsExpected(frame: Frame, { type, from, replyTo, payload }: Expected, stage: Stage): boolean {
  const { from: sender } = frame;
  return (
    frame.type === type &&
    frame.replyTo === replyTo &&
    (sender && stage.nameOf(sender)) === from &&
    includes(frame.payload, payload, stage)
  );
}

/** Whether a value is what is wanted, or more. */
function includes(value: Json | undefined, wanted: unknown, stage: Stage): boolean {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(value) || value.length !== wanted.length) return false;
    return wanted.every((one, i) => includes(value[i], one, stage));
  }
  if (typeof wanted !== 'object' || wanted === null) {
    return (typeof value === 'string' ? stage.nameOf(value) : value) === wanted;
  }
  return isObject(value) && Object.entries(wanted).every(([key, one]) => includes(value[key], one, stage));
}
