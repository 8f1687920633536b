import { get } from 'node:http';
import type { ServerUnderTest } from '../contestant.ts';
import { Crowd, refuseError } from '../load/crowd.ts';
import { median } from '../statistics.ts';
import { adminToken } from '../tokens.ts';
import { seatsIn } from './rooms.ts';
import type { Metrics } from './scenario.ts';

const roomSize = 10;
const settleMs = 1_000;
const requests = 5;

/** What it takes to list all connections, and how long everybody else must wait meanwhile. */
export async function measureListing(server: ServerUnderTest, connections: number): Promise<Metrics> {
  const crowd = new Crowd(server.port, server.dialect, (_client, bytes, start, end) => {
    refuseError(bytes, start, end);
  });
  await crowd.join(await seatsIn(connections / roomSize, roomSize));
  await crowd.rest(settleMs);
  const tookMs: number[] = [];
  let listBytes = 0;
  await server.ask('watch');
  for (let index = 0; index < requests; index++) {
    const token = await adminToken(`admin-${index}`); // by another each time: the rate limit counts by user
    const startedAt = performance.now();
    const body = await listed(server.port, token);
    tookMs.push(performance.now() - startedAt);
    listBytes = body.length;
    const { length } = JSON.parse(body.toString()) as readonly unknown[];
    if (length !== connections) throw new Error(`${length} connections are listed, not ${connections}`);
  }
  const { longestStallMs } = await server.ask('usage');
  return { listMs: median(tookMs), listMb: listBytes / 1e6, stallMs: longestStallMs };
}

function listed(port: number, token: string): Promise<Buffer> {
  const headers = { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', path: '/api/connections/active', headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(chunks);
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`${response.statusCode}: ${body.toString('utf8', 0, 200)}`));
      });
    }).on('error', reject);
  });
}
