// How the end-to-end tests run against several nodes: which of them do, and through what.

/**
 * How many node processes `startServer` starts behind a balancer, where nothing speaks against it; 0 is a server in the
 * test's own process, without one. With 1 one sees whether it is the balancer that a test cannot bear.
 */
export const nodeCount = Number(process.env.TEST_NODES ?? 0);

/**
 * Files that have nothing to show on several nodes, and why. A test that brings parts of its own to `startServer`, such
 * as a clock, runs on one node wherever it stands: parts do not travel into another process.
 */
export const ofOneNode: Readonly<Record<string, string>> = {
  'budgets.test.ts': 'turns the clock, and budgets are of one socket',
  'drain.test.ts': 'is about one node; what a cluster makes of it has tests among the faults',
  'handler-faults.test.ts': 'brings stores that fail',
  'kept-place.test.ts': 'ends resume windows when it wants to',
  'limits.test.ts': 'turns the clock; the limiter on several nodes has tests of its own',
  'log.test.ts': 'reads what one process reports',
  'lost.test.ts': 'ends resume windows when it wants to',
  'process.test.ts': 'is about the command line',
  'resume-answers.test.ts': 'holds up what one process does',
  'resume-cuts.test.ts': 'goes on with a session where it was',
  'resume-refused.test.ts': 'ends resume windows when it wants to',
  'resume.test.ts': 'ends resume windows when it wants to',
  'slow-consumer.test.ts': 'reads what one process reports',
  'stop.test.ts': 'is about the command line',
  'slow-keys.test.ts': 'turns the clock, and holds up the keys of one process',
};

/**
 * Files that send what is no proper HTTP. A balancer that reads requests would answer that itself, so theirs hands on
 * connections as they are.
 */
export const ofBytes: readonly string[] = ['broken-requests.test.ts', 'http.test.ts', 'upgrade.test.ts'];
