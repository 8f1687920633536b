import fc from 'fast-check';
import type { Channel } from './deeds.ts';

/** Whom a message names: looked up among those who are there when the step is taken, `n` counting them round. */
export interface Target {
  readonly to: 'peer' | 'waiting' | 'all' | 'self' | 'outsider' | 'gone' | 'nobody';
  readonly n: number;
}

interface Decision {
  readonly decision: 'admit' | 'deny';
  readonly reason?: string;
}

/** What a client may send, with targets still to be looked up. */
export type What =
  | { readonly type: 'session.leave' | 'room.close' | 'screen.start' }
  | { readonly type: 'presence.update'; readonly hand: boolean | undefined; readonly note: boolean }
  | { readonly type: 'media.update'; readonly media: Readonly<Record<string, string>> }
  | { readonly type: 'chat.send'; readonly targets: readonly Target[] }
  | { readonly type: 'signal.offer' | 'participant.kick'; readonly target: Target }
  | { readonly type: 'host.grant' | 'host.transfer' | 'host.revoke'; readonly target: Target }
  | { readonly type: 'room.update'; readonly change: Readonly<Record<string, string | boolean>> }
  | { readonly type: 'waiting.decide'; readonly target: Target; readonly decision: Decision }
  | { readonly type: 'session.refreshToken'; readonly host: boolean }
  | { readonly type: 'screen.stop'; readonly share: number };

/** Who does it: anybody, one of the hosts, or of those whom somebody waits for. */
type Rank = 'any' | 'host' | 'doorkeeper';

/**
 * One step of a sequence, as plain data, which shrinks well: a client that it names by a number is looked up among
 * those who are there, so that taking out other steps does not make it pointless.
 */
export type Step =
  | {
      readonly do: 'join';
      readonly user: string;
      readonly place: number;
      /** Where newcomers wait, if that is anywhere. */
      readonly queues: boolean;
      /** Of the server's nodes, counted from 0. */
      readonly node: number;
      readonly host: boolean;
    }
  | { readonly do: 'send'; readonly by: number; readonly rank: Rank; readonly what: What }
  /** `expire`, `resume`: where nobody is cut off, somebody is. */
  | { readonly do: 'hangUp' | 'drop' | 'expire'; readonly by: number; readonly rank: Rank }
  | { readonly do: 'resume'; readonly by: number; readonly host: boolean }
  | { readonly do: 'adminKick'; readonly by: number; readonly rank: Rank; readonly node: number }
  | {
      readonly do: 'adminClose' | 'adminBroadcast';
      readonly room: string;
      readonly channel: Channel | undefined;
      readonly node: number;
    };

/** What one run does. */
export interface Sequence {
  readonly steps: readonly Step[];
  /** All at once, none waiting for another, at the end. */
  readonly burst: readonly Step[];
}

const number = fc.nat({ max: 11 });
const weighted = <T>(...choices: [weight: number, value: T][]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));

const joinOn = (node: fc.Arbitrary<number>) => ({
  do: fc.constant('join' as const),
  user: fc.constantFrom('ann', 'bob', 'cyd'),
  place: weighted([4, 0], [4, 1], [1, 2], [1, 3]),
  queues: weighted([2, false], [1, true]),
  node,
  host: weighted([4, false], [1, true]),
});

const target: fc.Arbitrary<Target> = fc.record({
  to: weighted<Target['to']>(
    [8, 'peer'],
    [1, 'waiting'],
    [1, 'self'],
    [1, 'outsider'],
    [1, 'gone'],
    [1, 'nobody'],
  ),
  n: number,
});

/** What anybody may do; shares weigh more, since a broken rule shows only where two want to share. */
const what: fc.Arbitrary<What> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('presence.update' as const),
      hand: fc.option(fc.boolean(), { nil: undefined }),
      note: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('media.update' as const),
      media: fc.constantFrom<Readonly<Record<string, string>>[]>(
        { mic: 'live' },
        { mic: 'muted', camera: 'live' },
        { camera: 'off', screen: 'live' },
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('chat.send' as const),
      targets: fc.array(target, { maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('signal.offer' as const), target }) },
  { weight: 5, arbitrary: fc.record({ type: fc.constant('screen.start' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('screen.stop' as const), share: fc.nat({ max: 1 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('session.leave' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('session.refreshToken' as const), host: fc.boolean() }),
  },
);

/** What only hosts may do. */
const hostWhat: fc.Arbitrary<What> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom('host.grant' as const, 'host.transfer', 'host.revoke'),
      target,
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('participant.kick' as const), target }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('room.update' as const),
      change: weighted<Readonly<Record<string, string | boolean>>>(
        [3, { locked: true }],
        [1, { locked: false }],
        [3, { admission: 'approval' }],
        [3, { admission: 'open' }],
        [1, { admission: 'open', locked: true }],
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('room.close' as const) }) },
);

/** What hosts do with those who wait. */
const decide: fc.Arbitrary<What> = fc.record({
  type: fc.constant('waiting.decide' as const),
  target: fc.record({
    to: weighted<Target['to']>([6, 'waiting'], [3, 'all'], [1, 'peer'], [1, 'outsider']),
    n: number,
  }),
  decision: weighted<Decision>(
    [3, { decision: 'admit' }],
    [1, { decision: 'deny' }],
    [1, { decision: 'deny', reason: 'no' }],
  ),
});

const send = (whatever: fc.Arbitrary<What>, rank: fc.Arbitrary<Rank>) =>
  fc.record({ do: fc.constant('send' as const), by: number, rank, what: whatever });

const rank = weighted<Rank>([2, 'any'], [1, 'host']);

const stepOn = (node: fc.Arbitrary<number>): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.record(joinOn(node)) },
    { weight: 14, arbitrary: send(what, fc.constant('any')) },
    { weight: 10, arbitrary: send(hostWhat, weighted<Rank>([4, 'host'], [1, 'any'])) },
    { weight: 6, arbitrary: send(decide, weighted<Rank>([10, 'doorkeeper'], [1, 'host'], [1, 'any'])) },
    {
      weight: 10,
      arbitrary: fc.record({
        do: weighted<'drop' | 'hangUp' | 'expire'>([2, 'drop'], [2, 'hangUp'], [3, 'expire']),
        by: number,
        rank,
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('resume' as const),
        by: number,
        host: weighted([6, false], [1, true]),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('adminKick' as const), by: number, rank, node }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: weighted<'adminClose' | 'adminBroadcast'>([1, 'adminClose'], [2, 'adminBroadcast']),
        room: fc.constantFrom('a', 'b'),
        channel: fc.option(fc.constantFrom<Channel[]>('zoom', 'chat'), { nil: undefined }),
        node,
      }),
    },
  );

/** From now on newcomers wait, where somebody is host; and here they come. */
const queueOn = (node: fc.Arbitrary<number>): fc.Arbitrary<Step[]> =>
  fc
    .tuple(
      send(fc.constant({ type: 'room.update', change: { admission: 'approval' } }), fc.constant('host')),
      fc.array(fc.record({ ...joinOn(node), queues: fc.constant(true) }), { minLength: 1, maxLength: 3 }),
    )
    .map(([update, joins]) => [update, ...joins]);

/**
 * Some joins, in two of three with a waiting room, what becomes of them, and a burst: 21 steps at most; on several nodes
 * more come at once, since there it matters.
 *
 * @param nodes over how many nodes of the server clients and admins are spread
 */
export function sequencesOver(nodes: number): fc.Arbitrary<Sequence> {
  const node = nodes === 1 ? fc.constant(0) : fc.nat({ max: nodes - 1 });
  const step = stepOn(node);
  return fc
    .tuple(
      fc.array(fc.record(joinOn(node)), { minLength: 2, maxLength: 4 }),
      fc.option(queueOn(node), { nil: [], freq: 3 }),
      upTo(10, step),
      upTo(nodes === 1 ? 3 : 8, step),
    )
    .map(([joins, waiting, steps, burst]) => ({ steps: [...joins, ...waiting, ...steps], burst }));
}

/** Nearly as many: an `fc.array` is as often empty as full, and short sequences find little. */
function upTo(count: number, step: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> {
  const maybe = fc.option(step, { nil: undefined, freq: 8 });
  return fc
    .tuple(...Array.from({ length: count }, () => maybe))
    .map((steps) => steps.flatMap((one) => one ?? []));
}
