import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Connection } from '../../src/rooms/connection.ts';
import { Presence } from '../../src/rooms/presence.ts';

const place = { roomId: 'r', channel: 'chat' } as const;
/** In the order in which they are first named, as the server counts them. */
const order = new Map<string, number>();
function client(clientId: string): Connection {
  if (!order.has(clientId)) order.set(clientId, order.size + 1);
  return { ...place, clientId, order: order.get(clientId) } as Connection;
}

/** What was told, as `+a` and `-a`; a batch in a string. `tick` lets a window end. */
function start(windowMs = 100) {
  const told: string[] = [];
  const waiting: (() => void)[] = [];
  const presence = new Presence(
    () => windowMs,
    ({ joined, turned, departures }) => {
      const news = [
        ...joined.map((one) => `+${one.clientId}`),
        ...turned.map((one) => `~${one.clientId}`),
        ...departures.map((one) => `-${one.clientId}`),
      ];
      told.push(news.join(' '));
    },
    (run) => waiting.push(run),
  );
  const tick = () => {
    for (const run of waiting.splice(0)) run();
  };
  return {
    told,
    waiting,
    presence,
    tick,
    join: (id: string) => presence.joined(client(id)),
    turn: (id: string) => presence.turned(client(id)),
    leave: (id: string) => presence.left(client(id), 'left'),
  };
}

describe('a storm', () => {
  test('its first change is told at once, the others together when the window ends', () => {
    const { told, waiting, tick, join, leave } = start();
    for (const id of ['a', 'b', 'c']) join(id);
    leave('x');
    expect(told).toEqual(['+a']);
    tick();
    expect(told).toEqual(['+a', '+b +c -x']);
    join('d');
    tick();
    tick();
    expect(told).toEqual(['+a', '+b +c -x', '+d']);
    expect(waiting).toEqual([]); // it is over, and so is the window
    join('e');
    expect(told.at(-1)).toBe('+e');
  });

  test('who comes and goes in one window is not mentioned, unless a newcomer has seen it', () => {
    const { told, tick, join, leave } = start();
    join('first');
    join('fleeting');
    leave('fleeting');
    join('seen');
    join('newcomer');
    leave('seen');
    tick();
    expect(told).toEqual(['+first', '+newcomer -seen']);
  });
});

describe('lost connections', () => {
  test('are told of with the rest, unless it is over with them', () => {
    const { told, tick, join, turn, leave } = start();
    turn('first');
    turn('a');
    turn('b');
    leave('b');
    join('newcomer');
    turn('newcomer'); // its coming is still to be told
    tick();
    expect(told).toEqual(['~first', '+newcomer ~a -b']);
  });

  test('are not told of, where they are back before', () => {
    const { told, tick, turn } = start();
    turn('first');
    turn('first');
    turn('a');
    turn('a');
    tick();
    expect(told).toEqual(['~first', '~first']);
  });

  test('are told of even then, where a newcomer has seen them', () => {
    const { told, tick, join, turn } = start();
    turn('first');
    turn('a');
    join('newcomer');
    turn('a');
    tick();
    expect(told).toEqual(['~first', '+newcomer ~a']);
  });
});

describe('what is pending is told before', () => {
  test('what one of those says who are pending, and not before what others say', () => {
    const { told, presence, join } = start();
    join('a');
    join('b');
    presence.flush(place, 'a');
    expect(told).toEqual(['+a']);
    presence.flush(place, 'b');
    presence.flush(place);
    expect(told).toEqual(['+a', '+b']);
  });

  test('nothing, in a channel that is over', () => {
    const { told, presence, tick, join } = start();
    join('a');
    join('b');
    presence.forget(place);
    tick();
    expect(told).toEqual(['+a']);
  });
});

test('without a window each change is told', () => {
  const { told, waiting, join, leave } = start(0);
  join('a');
  join('b');
  leave('a');
  expect([told, waiting]).toEqual([['+a', '+b', '-a'], []]);
});

test('welcome and news together are always the truth, for everybody and in any order', () => {
  const step = fc.record({
    who: fc.nat(4),
    act: fc.constantFrom('toggle', 'toggle', 'tick', 'flush', 'read'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const here = new Set<string>();
      const rosters = new Map<string, Set<string>>();
      const waiting: (() => void)[] = [];
      const presence = new Presence(
        () => 1,
        ({ joined, departures }) => {
          for (const roster of rosters.values()) {
            for (const { clientId } of joined) roster.add(clientId);
            for (const { clientId } of departures) roster.delete(clientId);
          }
        },
        (run) => waiting.push(run),
      );
      let count = 0;
      for (const { who, act } of steps) {
        const id = [...here].find((one) => one.startsWith(`${who}-`));
        if (act === 'tick') for (const run of waiting.splice(0)) run();
        else if (act === 'flush') presence.flush(place);
        else if (act === 'read') {
          presence.read(place);
          if (id !== undefined) rosters.set(id, new Set(here));
        } else if (id === undefined) {
          count += 1;
          const newcomer = `${who}-${count}`; // an id is never used again
          here.add(newcomer);
          rosters.set(newcomer, new Set(here)); // its welcome
          presence.joined(client(newcomer));
        } else {
          here.delete(id);
          rosters.delete(id);
          presence.left(client(id), 'left');
        }
      }
      presence.flush(place);
      order.clear();
      for (const roster of rosters.values()) expect([...roster].sort()).toEqual([...here].sort());
    }),
    { numRuns: 500 },
  );
});
