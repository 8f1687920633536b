/** How long something that a test starts may live. */
type Scope = 'file' | 'test';

let scope: Scope = 'file';
const closers: Record<Scope, (() => unknown)[]> = { file: [], test: [] };
let violations: string[] = [];
let expected: RegExp[] = [];

/** Has something closed at the end of the running test, or of the file where no test runs (`beforeAll`). */
export function atScopeEnd(close: () => unknown): void {
  closers[scope].push(close);
}

/** Has something closed at the end of the file, also where a test started it. */
export function atFileEnd(close: () => unknown): void {
  closers.file.push(close);
}

/** Has all that `start` starts live to the end of the file, also where a test calls this. */
export async function forFile<T>(start: () => T | Promise<T>): Promise<T> {
  const before = scope;
  scope = 'file';
  try {
    return await start();
  } finally {
    scope = before;
  }
}

/** Notes that the contract was broken; the running test will fail. */
export function violation(text: string): void {
  violations.push(text);
}

/** Says that the running test breaks the contract on purpose: without a violation like this it fails. */
export function expectViolation(pattern: RegExp): void {
  expected.push(pattern);
}

/** A test begins: what is started from here on is its own. */
export function enterTest(): void {
  scope = 'test';
}

/** Closes what the test or the file started, last things first, and fails if the contract was broken. */
export async function leave(left: Scope): Promise<void> {
  scope = 'file';
  const faults: string[] = [];
  for (const close of closers[left].splice(0).reverse()) {
    try {
      await close();
    } catch (error) {
      faults.push(`closing failed: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
  for (const pattern of expected) {
    if (!violations.some((text) => pattern.test(text))) faults.push(`expected a violation like ${pattern}`);
  }
  faults.push(...violations.filter((text) => !expected.some((pattern) => pattern.test(text))));
  violations = [];
  expected = [];
  if (faults.length > 0) throw new Error(`the contract was broken:\n${faults.join('\n')}`);
}
