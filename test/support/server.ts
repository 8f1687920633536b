import { basename } from 'node:path';
import { expect } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { type ServerParts, startServer as startSignalbox } from '../../src/server.ts';
import { startHosted } from './hosted.ts';
import { atScopeEnd } from './scope.ts';
import { nodeCount, ofBytes, ofOneNode } from './spread.ts';
import { jwtSecret, mintToken } from './token.ts';
import { watch } from './watch.ts';

/** A real server, with the contract checker in front of it: in this process, or several nodes with a balancer. */
export interface TestServer {
  /** The port of the tap; nothing gets past it. */
  readonly port: number;
  readonly url: string;
  /** Mints a token that the server accepts. */
  token(claims?: Record<string, unknown>): string;
  drain(): Promise<void>;
  /** Stops the server, once; happens by itself at the end of the test or the file that started it. */
  stop(): Promise<void>;
}

/**
 * All clients of the tests come from one address, many are of one user, each hears of the others at once, and who loses
 * its connection is gone.
 */
const crowds = {
  PRESENCE_BATCH_MS: '0',
  RESUME_WINDOW_MS: '0',
  MAX_CONNECTIONS_PER_USER_AND_ROOM: '1000',
  MAX_CONNECTIONS_PER_USER: '1000',
  MAX_CONNECTIONS_PER_ADDRESS: '1000',
};

/** The settings that every server of the tests has, where it does not say otherwise. */
export const testSettings = {
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_LEVEL: 'silent',
  JWT_SECRET: jwtSecret,
  ...crowds,
};

/**
 * Starts a server with the settings of `env` on top of those of the tests. Without parts it is as many nodes as
 * `TEST_NODES` says, where the test file is not one of those that are about one node.
 */
export async function startServer(
  env: Readonly<Record<string, string>> = {},
  parts?: ServerParts,
): Promise<TestServer> {
  const file = basename(expect.getState().testPath ?? '');
  const spread = nodeCount > 0 && parts === undefined && ofOneNode[file] === undefined;
  const server = spread
    ? await startHosted(
        nodeCount,
        { ...testSettings, ...env },
        ofBytes.includes(file) ? 'connections' : 'requests',
      )
    : await startSignalbox(readConfig({ ...testSettings, ...env }), parts);
  const port = await watch(server.port);
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= server.stop();
    return stopped;
  };
  atScopeEnd(stop); // after the tap was registered, so before it is closed
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    token: (claims) => mintToken(claims),
    drain: () => server.drain(),
    stop,
  };
}
