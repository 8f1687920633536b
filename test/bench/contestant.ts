import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Dialect, plain, signalbox, socketIo } from './load/dialects.ts';
import { onServerCore } from './pinning.ts';
import type { Question, Ready, Usage } from './servers/reporting.ts';
import { keySettings } from './tokens.ts';

export const contestants = ['signalbox', 'ws', 'socket.io'] as const;
/** Who takes part with many nodes: Socket.IO comes with each of its two adapters for Redis. */
export const clusterContestants = ['signalbox', 'socket.io', 'socket.io streams'] as const;
export type ClusterContestant = (typeof clusterContestants)[number];
export type Contestant = (typeof contestants)[number] | ClusterContestant;

/** Environment variables of a server. */
export type Settings = Readonly<Record<string, string>>;

/** One who is measured: the file that starts it, how it is spoken to, and how it is set. */
interface Entry {
  readonly file: string;
  readonly dialect: Dialect;
  readonly settings: Settings;
  /** Of Node, as `npm start` has them. */
  readonly flags?: readonly string[];
}

const entries: Readonly<Record<Contestant, Entry>> = {
  signalbox: {
    file: 'servers/signalbox.ts',
    flags: ['--max-semi-space-size=16'],
    dialect: signalbox,
    // As in production, but for what keeps one address from loading the server: all clients are on this machine.
    settings: {
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: '0',
      ...keySettings.HS256,
      MAX_CONNECTIONS_PER_ADDRESS: '1000000',
      MESSAGE_BUDGET_SCALE: '1000',
    },
  },
  ws: { file: 'servers/plain-ws.ts', dialect: plain, settings: { NODE_ENV: 'production' } },
  'socket.io': { file: 'servers/socket-io.ts', dialect: socketIo, settings: { NODE_ENV: 'production' } },
  'socket.io streams': {
    file: 'servers/socket-io.ts',
    dialect: socketIo,
    settings: { NODE_ENV: 'production', ADAPTER: 'streams' },
  },
};

const deadlineMs = 20_000;

/** How a server is started, other than by its entry. */
export interface StartOptions {
  /** On top of the usual ones; an empty one takes a usual one away. */
  readonly settings?: Settings | undefined;
  /** Where to write a CPU profile when it stops. */
  readonly profileInto?: string | undefined;
}

/** A server under test, in a process of its own. */
export class ServerUnderTest {
  readonly port: number;
  readonly dialect: Dialect;
  readonly #child: ChildProcess;

  private constructor(port: number, dialect: Dialect, child: ChildProcess) {
    this.port = port;
    this.dialect = dialect;
    this.#child = child;
  }

  /** Resolves when it listens. */
  static async start(
    name: Contestant,
    { settings, profileInto }: StartOptions = {},
  ): Promise<ServerUnderTest> {
    const { file, dialect, settings: usual, flags = [] } = entries[name];
    const profile = profileInto === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileInto}`];
    const path = fileURLToPath(new URL(file, import.meta.url));
    const child = spawn(...onServerCore(process.execPath, ['--expose-gc', ...flags, ...profile, path]), {
      // Nothing of the caller's environment. The log goes where writing costs as little as to a file.
      env: { PATH: process.env.PATH, ...usual, ...settings },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    try {
      const [{ port }] = (await answerOf(child, name)) as [Ready];
      return new ServerUnderTest(port, dialect, child);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  async ask(question: Exclude<Question, 'stop'>): Promise<Usage> {
    const answer = answerOf(this.#child, question);
    this.#child.send(question);
    const [usage] = (await answer) as [Usage];
    return usage;
  }

  /** Resolves when the process has ended. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), deadlineMs);
    this.#child.send('stop', () => {}); // it may end before it has taken the message
    await ended;
    clearTimeout(kill);
  }
}

/** The next message of a server; fails where it ends before, or says nothing in time. */
async function answerOf(child: ChildProcess, what: string): Promise<unknown[]> {
  const signal = AbortSignal.timeout(deadlineMs);
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error(`the server ended: ${what}`);
  });
  return Promise.race([once(child, 'message', { signal }), ended]);
}
