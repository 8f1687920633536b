import { type ChildProcess, spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import type { Readable } from 'node:stream';
import { createClient } from 'redis';
import { freePort } from '../support/free-port.ts';
import { type Counters, countersIn, type RedisWork, scriptedIn, workBetween } from './command-counts.ts';
import { onServerCore } from './pinning.ts';

const deadlineMs = 10_000;

/** The Redis of a cluster under test: a process of its own, on the core of the servers, which keeps nothing on disk. */
export class RedisUnderTest {
  readonly url: string;
  readonly #port: number;
  readonly #child: ChildProcess;
  readonly #client: ReturnType<typeof createClient>;
  readonly #directory: string;

  private constructor(port: number, child: ChildProcess, directory: string) {
    this.url = `redis://127.0.0.1:${port}`;
    this.#port = port;
    this.#child = child;
    this.#directory = directory;
    // Sends nothing by itself: what it sends is subtracted from what is counted.
    this.#client = createClient({ url: this.url, socket: { reconnectStrategy: false } });
    this.#client.on('error', () => {}); // the question that fails says so
  }

  /** Resolves when it answers. */
  static async start(): Promise<RedisUnderTest> {
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), 'signalbox-bench-'));
    const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, '--save', ''];
    const child = spawn(...onServerCore('redis-server', [...args, '--appendonly', 'no']), {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const redis = new RedisUnderTest(port, child, directory);
    try {
      await ready(child, child.stdout);
      await redis.#client.connect();
      return redis;
    } catch (error) {
      await redis.stop();
      throw error;
    }
  }

  /** User and system time of the whole process since it began. */
  async cpuMicros(): Promise<number> {
    const info = await this.#client.info('cpu');
    const [user, system] = ['used_cpu_user', 'used_cpu_sys'].map((name) => {
      const [, seconds] = new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info) ?? [];
      return Number(seconds) * 1e6;
    });
    return (user ?? Number.NaN) + (system ?? Number.NaN);
  }

  /** How many connections the nodes have to it, all together. */
  async connections(): Promise<number> {
    const [, count] = /^connected_clients:(\d+)/m.exec(await this.#client.info('clients')) ?? [];
    return Number(count) - 1;
  }

  /** How many commands it ran since it began, those in scripts too. */
  async commandsRun(): Promise<Counters['commands']> {
    return (await this.#counters()).commands;
  }

  /** Counts what it does during some work. It has to tell of each command, so that nothing else can be measured then. */
  async counted(work: () => Promise<unknown>): Promise<RedisWork> {
    const scripted: string[] = [];
    const socket = connect(this.#port, '127.0.0.1').on('error', () => {}); // who waits for it gives up
    try {
      const lines = createInterface(socket);
      socket.write('MONITOR\r\n');
      await once(lines, 'line', { signal: AbortSignal.timeout(deadlineMs) });
      const before = await this.#counters();
      lines.on('line', (line) => {
        const name = scriptedIn(line);
        if (name !== undefined) scripted.push(name);
      });
      const startedAt = performance.now();
      await work();
      const tookMs = performance.now() - startedAt;
      const after = await this.#counters();
      await this.#told(lines);
      return workBetween(before, after, { scripted, ownReads: 1, tookMs });
    } finally {
      socket.destroy();
    }
  }

  /** Resolves when the process has ended. */
  async stop(): Promise<void> {
    if (this.#client.isOpen) this.#client.destroy();
    if (this.#child.exitCode === null && this.#child.signalCode === null && this.#child.pid !== undefined) {
      const ended = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #counters(): Promise<Counters> {
    return countersIn(await this.#client.info('all'));
  }

  /** Resolves when `MONITOR` has told of all that was run until now. */
  async #told(lines: Interface): Promise<void> {
    const marker = `told ${performance.now()}`;
    const told = on(lines, 'line', { signal: AbortSignal.timeout(deadlineMs) });
    await this.#client.echo(marker);
    for await (const [line] of told) if (String(line).includes(marker)) return;
  }
}

/** Resolves when it takes connections; fails where it ends before, or does not in time. */
async function ready(child: ChildProcess, output: Readable): Promise<void> {
  const lines = createInterface(output); // of which all are read, so that it never waits for us
  const signal = AbortSignal.timeout(deadlineMs);
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`redis-server ended with ${code}: is it installed?`);
  });
  const listens = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (line.includes('Ready to accept connections')) resolve();
    });
  });
  await Promise.race([listens, ended]);
}
