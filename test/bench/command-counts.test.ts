import { describe, expect, test } from 'vitest';
import {
  countersIn,
  named,
  publishesIn,
  type RedisWork,
  scriptedIn,
  workBetween,
  workPerUnit,
} from './command-counts.ts';

const info = `# Stats\r
total_commands_processed:99\r
total_reads_processed:41\r
# Commandstats\r
cmdstat_publish:calls=7,usec=70,usec_per_call=10.00,rejected_calls=0,failed_calls=0\r
cmdstat_client|setinfo:calls=4,usec=1,usec_per_call=1.00,rejected_calls=0,failed_calls=0\r
cmdstat_client|id:calls=1,usec=1,usec_per_call=1.00,rejected_calls=0,failed_calls=0\r
cmdstat_info:calls=3,usec=1,usec_per_call=1.00,rejected_calls=0,failed_calls=0\r
`;

function work(of: Partial<RedisWork>): RedisWork {
  return { calls: {}, inScripts: {}, trips: 0, tookMs: 1_000, ...of };
}

describe('countersIn', () => {
  test('adds up subcommands, and leaves out our own question', () => {
    expect(countersIn(info)).toEqual({ commands: { publish: 7, client: 5 }, reads: 41 });
  });

  test('refuses a Redis that does not count its reads', () => {
    expect(() => countersIn('# Stats\r\n')).toThrow('6.0');
  });
});

test('a line of MONITOR says whether a script ran the command', () => {
  expect(scriptedIn('1795307748.431945 [0 lua] "HSET" "k" "1"')).toBe('hset');
  expect(scriptedIn('+1795307748.431945 [0 lua] "publish" "c" "d"')).toBe('publish');
  expect(scriptedIn('1795307748.4 [0 127.0.0.1:34460] "eval" "x [0 lua] \\"set\\"" "0"')).toBeUndefined();
  expect(scriptedIn('OK')).toBeUndefined();
});

describe('workBetween', () => {
  const before = { commands: { publish: 1, hset: 5 }, reads: 10 };

  test('tells the commands of scripts from those of the nodes', () => {
    const after = { commands: { publish: 4, hset: 7, evalsha: 2 }, reads: 16 };
    const scripted = ['hset', 'hset', 'publish'];
    expect(workBetween(before, after, { scripted, ownReads: 1, tookMs: 9 })).toEqual({
      calls: { publish: 2, evalsha: 2 },
      inScripts: { hset: 2, publish: 1 },
      trips: 5,
      tookMs: 9,
    });
  });

  test('fails where the two countings contradict each other', () => {
    const scripted = ['hset'];
    expect(() => workBetween(before, before, { scripted, ownReads: 1, tookMs: 9 })).toThrow('hset');
  });
});

test('what is idle work is taken off by its rate, and the rest divided', () => {
  const idle = work({ calls: { ping: 4, publish: 2 }, inScripts: { set: 2 }, trips: 6, tookMs: 2_000 });
  const busy = work({ calls: { ping: 1, publish: 101 }, inScripts: { set: 11 }, trips: 23 });
  expect(workPerUnit(busy, idle, 10)).toEqual({
    calls: { publish: 10 },
    inScripts: { set: 1 },
    trips: 2,
  });
});

test('publishes are those of nodes and of scripts, to shards or not', () => {
  expect(publishesIn({ calls: { publish: 1, get: 9 }, inScripts: { spublish: 2 } })).toBe(3);
});

test('names say who ran a command, the most frequent first; what is hardly ever run is left out', () => {
  const list = named({ calls: { ping: 0.001, get: 1, publish: 2 }, inScripts: { hset: 3 } });
  expect(Object.entries(list)).toEqual([
    ['publish', 2],
    ['get', 1],
    ['in scripts: hset', 3],
  ]);
});
