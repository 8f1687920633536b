import type { ProxyMode } from '../support/proxy.ts';
import { openSocket } from '../support/socket.ts';
import type { Fault } from './ordeal.ts';
import { wait } from './ordeal.ts';
import type { Stage } from './stage.ts';

/** Longer than a heartbeat's patience, and shorter than a resume window. */
const noticedMs = 2_000;
/** Longer than any client of these would wait. */
const everMs = 60_000;

function network(name: string, mode: ProxyMode, more: Partial<Fault> = {}): Fault {
  return {
    name,
    holdMs: noticedMs,
    ...more,
    begin: (stage) => stage.network.set(mode),
    end: (stage) => stage.network.set({ kind: 'pass' }),
  };
}

const ended = { excuses: { closes: true } };

/** What may befall one server and its clients, and what it excuses: nothing, where it says nothing. */
export const faultsAlone: readonly Fault[] = [
  network('half-open both ways', { kind: 'stall' }, ended),
  network('half-open, clients are not heard', { kind: 'stall', only: 'up' }, ended),
  network('half-open, clients hear nothing', { kind: 'stall', only: 'down' }, ended),
  network('nobody is let through', { kind: 'refuse' }, ended),
  network(
    'nobody is let through while more is said than is kept for them',
    { kind: 'refuse' },
    { excuses: { closes: true, freshStarts: true }, paceMs: 1 },
  ),
  {
    name: 'resets in the middle of a frame, again and again',
    ...ended,
    holdMs: 0,
    paceMs: 30,
    async begin({ network }) {
      // Byte by byte, so that there is always a frame of which some is on its way.
      await network.set({ kind: 'split' });
      for (let n = 0; n < 8; n += 1) {
        await wait(250);
        network.cut();
      }
    },
    end: ({ network }) => network.set({ kind: 'pass' }),
  },
  network('latency', { kind: 'latency', latencyMs: 150 }, { silenceMs: everMs }),
  network('throttle', { kind: 'throttle', bytesPerSecond: 20_000 }, { silenceMs: everMs }),
  network('byte by byte', { kind: 'split' }, { paceMs: 30, silenceMs: everMs }),
  ...[500, 2_500].map((holdMs) => ({
    name: `frozen for ${holdMs} ms`,
    holdMs,
    silenceMs: everMs,
    begin: ({ servers }: Stage) => servers[0].signal('SIGSTOP'),
    end: ({ servers }: Stage) => servers[0].signal('SIGCONT'),
  })),
  {
    name: 'the event loop is blocked for 2 s',
    holdMs: 0,
    silenceMs: everMs,
    begin: ({ servers }) => servers[0].order({ act: 'block', blockMs: 2_000 }),
    end: () => {},
  },
  ...[5, -5].map((minutes) => ({
    name: `the clock jumps by ${minutes} minutes`,
    holdMs: 1_500,
    silenceMs: everMs,
    begin: ({ servers }: Stage) => servers[0].order({ act: 'shift', shiftMs: minutes * 60_000 }),
    end: ({ servers }: Stage) => servers[0].order({ act: 'shift', shiftMs: 0 }),
  })),
  {
    name: 'no file is left for who comes',
    holdMs: 1_000,
    silenceMs: everMs,
    async begin({ servers: [server] }) {
      await server.limitFiles(true);
      for (let n = 0; n < 3; n += 1) {
        const came = await openSocket(server, '/ws/zoom/nobody', server.token()).then(
          () => true,
          () => false,
        );
        if (came) throw new Error('one came, where no file was left');
      }
    },
    end: ({ servers: [server] }) => server.limitFiles(false),
  },
  {
    name: 'nobody reads what it prints',
    holdMs: 0,
    silenceMs: everMs,
    async begin({ servers: [server] }) {
      server.isRead = false;
      // Each of them is some lines, and more than any pipe holds together.
      for (let n = 0; n < 400; n += 1) {
        const { ws } = await openSocket(server, '/ws/zoom/passing', server.token());
        ws.close();
      }
    },
    end({ servers: [server] }) {
      server.isRead = true;
    },
  },
];

/** What ends the process: for tests that do not measure it afterwards. */
export const deathsAlone: readonly Fault[] = (['SIGKILL', 'SIGTERM'] as const).map((name) => ({
  name: `${name}, and it is started again`,
  excuses: { closes: true, freshStarts: true },
  holdMs: 0,
  begin: ({ servers }: Stage) => servers[0].end(name),
  end: ({ servers }: Stage) => servers[0].restart(),
}));

/** What takes too long for the short version. */
export const longFaultsAlone: readonly Fault[] = [
  network(
    'nobody is let through for longer than a session is kept',
    { kind: 'refuse' },
    { excuses: { closes: true, freshStarts: true }, holdMs: 8_000 },
  ),
  network(
    'half-open for longer than that',
    { kind: 'stall' },
    { excuses: { closes: true, freshStarts: true }, holdMs: 10_000 },
  ),
];
