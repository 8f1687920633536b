import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type RawHeaders, type RawResponse, upgrade } from '../support/raw.ts';
import { atScopeEnd } from '../support/scope.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { mintToken } from '../support/token.ts';
import { send } from './raw-request.ts';

/** An attempt to join: what is asked of whom, from where, and with what. */
export interface Attempt {
  readonly drained: boolean;
  /** Whether the server knows no key to verify tokens with. */
  readonly keyless: boolean;
  readonly channel: string;
  readonly roomId: string;
  readonly headers: RawHeaders;
  readonly from: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly secret: string | undefined;
  /** How often the token is there. */
  readonly tokens: number;
}

/** One that succeeds. */
export const faultless: Attempt = {
  drained: false,
  keyless: false,
  channel: 'zoom',
  roomId: 'ABC123',
  headers: { Origin: 'https://app.example' },
  from: '127.0.0.1',
  claims: { sub: 'alice' },
  secret: undefined,
  tokens: 1,
};

/** The address that has made too many bad attempts already. */
export const blockedAddress = '127.0.0.66';
const failures = 12;
const env = { ALLOWED_ORIGINS: 'https://app.example', ADDRESS_FAILURES_PER_MINUTE: String(failures) };

/** A URL at which there should be keys, and is only 500. */
export async function brokenKeySet(): Promise<string> {
  const server = createServer((_request, response) => response.writeHead(500).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atScopeEnd(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
}

/** Settings of a server that cannot verify any token. */
export function keyless(url: string): Record<string, string> {
  const issuer = { JWT_ISSUER: 'https://issuer.example', JWT_AUDIENCE: 'signalbox' };
  return { JWT_SECRET: '', JWKS_URL: url, ...issuer };
}

/** The servers that attempts are made on. */
export class Gates {
  readonly #open: TestServer;
  readonly #drained: TestServer;
  readonly #keyless: TestServer;

  private constructor(open: TestServer, drained: TestServer, keyless: TestServer) {
    this.#open = open;
    this.#drained = drained;
    this.#keyless = keyless;
  }

  /** Starts all three, and has the blocked address blocked on each. */
  static async start(): Promise<Gates> {
    const open = await startServer(env);
    const drained = await startServer(env);
    const without = await startServer({ ...env, ...keyless(await brokenKeySet()) });
    for (const server of [open, drained, without]) {
      const bad = { path: '/api/connections/active', headers: { Authorization: 'Bearer bad' } };
      for (let n = 0; n < failures; n += 1) await send(server, bad, { from: blockedAddress });
    }
    await drained.drain();
    return new Gates(open, drained, without);
  }

  /** Asks for the WebSocket. */
  upgrade(attempt: Attempt): Promise<RawResponse> {
    const { channel, roomId, headers, from } = attempt;
    return upgrade(this.#server(attempt), `/ws/${channel}/${roomId}${query(attempt)}`, headers, { from });
  }

  /** Asks what asking for the WebSocket would lead to. */
  preflight(attempt: Attempt): Promise<RawResponse> {
    const { channel, roomId, headers, from } = attempt;
    const path = `/api/ws/${channel}/${roomId}/preflight${query(attempt)}`;
    return send(this.#server(attempt), { path, headers }, { from });
  }

  #server(attempt: Attempt): TestServer {
    if (attempt.drained) return this.#drained;
    return attempt.keyless ? this.#keyless : this.#open;
  }
}

function query(attempt: Attempt): string {
  const one = `token=${tokenOf(attempt)}`;
  return attempt.tokens === 0 ? '' : `?${Array.from({ length: attempt.tokens }, () => one).join('&')}`;
}

/** Where keys are missing, a token that needs one: with a key it would be looked at further. */
function tokenOf({ keyless, claims, secret }: Attempt): string {
  const token = mintToken(claims, secret);
  const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'any' })).toString('base64url');
  return keyless ? token.replace(/^[^.]*/, header) : token;
}
