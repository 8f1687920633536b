import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../support/free-port.ts';
import { SignalboxProcess } from '../support/process.ts';
import { forFile } from '../support/scope.ts';
import { testSettings } from '../support/server.ts';
import { mintToken } from '../support/token.ts';
import type { Order, Sample } from './inside.ts';

const startedWithinMs = 30_000;
const run = promisify(execFile);

/** A server process to which faults are done: from outside by the system, from inside by `inside.ts`. */
export class Subject {
  readonly port: number;
  readonly #env: Readonly<Record<string, string>>;
  #process: SignalboxProcess;

  private constructor(port: number, env: Readonly<Record<string, string>>) {
    this.port = port;
    this.#env = env;
    this.#process = launch(port, env);
  }

  /** Starts one on a port that it keeps over restarts; it ends with the test or file. */
  static async start(env: Readonly<Record<string, string>>): Promise<Subject> {
    const subject = new Subject(await freePort(), env);
    await subject.#isUp();
    return subject;
  }

  token(): string {
    return mintToken();
  }

  get process(): SignalboxProcess {
    return this.#process;
  }

  get pid(): number {
    return this.#process.child.pid ?? 0;
  }

  signal(name: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#process.child.kill(name);
  }

  /** Ends it at once, or as an operator would, and resolves with its exit code once it is gone. */
  async end(name: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    this.signal(name);
    return (await this.#process.finished).code;
  }

  /** Starts it anew, on the same port. */
  async restart(): Promise<void> {
    this.#process = await forFile(() => launch(this.port, this.#env));
    await this.#isUp();
  }

  /** Has it do something to itself; resolves when it is done. */
  async order(order: Order): Promise<void> {
    await this.#ask(order);
  }

  async sample(): Promise<Sample> {
    return (await this.#ask({ act: 'sample' })) as Sample;
  }

  /** Lets it open no more files, sockets included, until one of its own is closed; or as many as before. */
  async limitFiles(isLimited: boolean): Promise<void> {
    const open = new Set(readdirSync(`/proc/${this.pid}/fd`).map(Number));
    let free = 0;
    while (open.has(free)) free += 1;
    await run('prlimit', ['--pid', `${this.pid}`, `--nofile=${isLimited ? free : 4_096}:`]);
  }

  /** Whether anybody reads what it prints. */
  set isRead(read: boolean) {
    const { stdout } = this.#process.child;
    if (read) stdout?.resume();
    else stdout?.pause();
  }

  async #ask(order: Order): Promise<unknown> {
    const { child } = this.#process;
    const answer = once(child, 'message');
    child.send(order);
    const [told] = await answer;
    return told;
  }

  async #isUp(): Promise<void> {
    await this.#process.prints(/"msg":"server\.started"/, startedWithinMs);
  }
}

function launch(port: number, env: Readonly<Record<string, string>>): SignalboxProcess {
  return new SignalboxProcess(
    [],
    {
      ...testSettings,
      LOG_LEVEL: 'debug', // so that there is something to print
      PORT: `${port}`,
      ...env,
    },
    { preload: resolve('test/faults/inside.ts') },
  );
}
