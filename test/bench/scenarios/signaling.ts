import type { ServerUnderTest } from '../contestant.ts';
import { Crowd, refuseError } from '../load/crowd.ts';
import type { Dialect } from '../load/dialects.ts';
import { Ledger } from '../load/ledger.ts';
import { type Load, stageLoad } from './load.ts';
import { seatsIn } from './rooms.ts';
import type { Measure, Timing } from './scenario.ts';

/** Pairs, each in a room of its own, of which each sets up a call so often a second. */
export interface PairsLoad {
  readonly pairs: number;
  readonly exchangesPerSecond: number;
}

/** A call: an offer, its answer, and eight candidates, four from either side. */
const stepsOfExchange = 10;
const sdp = sdpOf(5_500);

/** CPU time per message of the set-up of calls, each from one peer to the other. */
export async function stageSignaling(
  server: ServerUnderTest,
  { pairs, exchangesPerSecond }: PairsLoad,
  timing: Timing,
): Promise<Measure> {
  const ledger = new Ledger(pairs, 2, 2);
  const crowd = new Crowd(server.port, server.dialect, ({ seat }, bytes, start, end) => {
    if (!ledger.take(seat.index, bytes, start, end)) refuseError(bytes, start, end);
  });
  await crowd.join(await seatsIn(pairs, 2));
  const { send } = signalSender(crowd, ledger, server.dialect, pairs);
  const perSecond = pairs * exchangesPerSecond * stepsOfExchange;
  return stageLoad(server, crowd, ledger, { send, perSecond, timing });
}

/** Sends the messages of all pairs by turns, each to the peer of its sender. */
export function signalSender(
  crowd: Crowd,
  ledger: Ledger,
  dialect: Dialect,
  pairs: number,
): Pick<Load, 'send'> & { readonly stepsOfExchange: number } {
  const send = (index: number) => {
    const pair = index % pairs;
    const step = Math.floor(index / pairs) % stepsOfExchange;
    const side = step % 2;
    const peer = crowd.clients[pair * 2 + 1 - side]?.id ?? '';
    const [type, body] = stepOf(step, ledger.mark(pair, side));
    crowd.clients[pair * 2 + side]?.send(dialect.signal(type, peer, body));
    return 1;
  };
  return { send, stepsOfExchange };
}

function stepOf(step: number, mark: string): [type: string, body: object] {
  if (step < 2) return [step === 0 ? 'signal.offer' : 'signal.answer', { sdp: `v=0\r\no=${mark}${sdp}` }];
  const candidate = `candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx ufrag ${mark}`;
  return ['signal.candidate', { candidates: [{ candidate, sdpMid: '0', sdpMLineIndex: 0 }] }];
}

/** About as long, and with as many line breaks to escape, as what a browser offers for a video call. */
function sdpOf(length: number): string {
  const lines = ['a=rtpmap:96 VP8/90000', 'a=rtcp-fb:96 goog-remb', 'a=fmtp:97 apt=96;profile-id=0'];
  const block = `\r\n${lines.join('\r\n')}`;
  return block.repeat(Math.ceil(length / block.length)).slice(0, length);
}
