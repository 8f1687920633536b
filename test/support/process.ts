import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { atScopeEnd, violation } from './scope.ts';

/** What a process has printed and how it ended. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a process is started. */
export interface ProcessOptions {
  /** A file that it loads before its own code, and talks to its parent by messages. */
  readonly preload?: string;
}

/**
 * Of the tests' own environment nothing but where compiled code is kept (see vitest.config.ts), so that a developer's
 * settings do not change what is tested.
 */
const { NODE_COMPILE_CACHE } = process.env;
export const bareEnv: Readonly<Record<string, string>> = {
  ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }),
};

/** `signalbox` as a process of its own, from source. */
export class SignalboxProcess {
  readonly child: ChildProcess;
  /** Resolves when it has ended. */
  readonly finished: Promise<Finished>;
  #stdout = '';
  #stderr = '';

  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    { preload }: ProcessOptions = {},
  ) {
    const before = preload === undefined ? [] : ['--import', preload];
    this.child = spawn(process.execPath, [...before, 'src/main.ts', ...args], {
      env: { ...bareEnv, PORT: '0', ...env },
      stdio: ['pipe', 'pipe', 'pipe', ...(preload === undefined ? [] : ['ipc' as const])],
    });
    this.child.stdout?.on('data', (chunk) => {
      this.#stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    this.finished = once(this.child, 'close').then(([code]) => {
      // What Node says last where nobody handled an exception or a rejection.
      if (/^Node\.js v\d/m.test(this.#stderr)) violation(`a process of a test died:\n${this.#stderr}`);
      return { code, stdout: this.#stdout, stderr: this.#stderr };
    });
    atScopeEnd(() => {
      this.child.kill('SIGKILL');
      return this.finished; // so that all that it said is judged
    });
  }

  /** The end of what it has printed so far, to find out what went wrong. */
  get lastWords(): string {
    return this.#stdout.slice(-4_000);
  }

  /** The first match in what it prints; fails when it ends without one, or does not print one in time. */
  async prints(pattern: RegExp, withinMs = 10_000): Promise<RegExpExecArray> {
    const signal = AbortSignal.timeout(withinMs);
    for (;;) {
      const match = pattern.exec(this.#stdout);
      if (match) return match;
      if (this.child.exitCode !== null) throw new Error(`it ended: ${this.#stdout}${this.#stderr}`);
      if (!this.child.stdout) throw new Error('it has no output');
      await Promise.race([once(this.child.stdout, 'data', { signal }), once(this.child, 'exit', { signal })]);
    }
  }
}

/** Runs the command line to its end. */
export function runSignalbox(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return new SignalboxProcess(args, env).finished;
}

/** What has a process print `LOADS` with the name of each module that it loads, where the name is like this. */
export function sayingLoads({ source }: RegExp): { NODE_OPTIONS: string } {
  const watching = `import { registerHooks } from 'node:module';
registerHooks({ resolve: (name, context, next) => {
  if (/${source}/.test(name)) console.log('LOADS ' + name);
  return next(name, context);
} });`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(watching)}` };
}
