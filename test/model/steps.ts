import fc from 'fast-check';
import { type Channel, type Deed, places } from './deeds.ts';
import type { Model } from './model.ts';
import type { Person } from './people.ts';

/** Whom a message names: looked up among those who are there when the step is taken, `n` counting them round. */
interface Target {
  readonly to: 'peer' | 'self' | 'outsider' | 'gone' | 'nobody';
  readonly n: number;
}

/** What a client may send, with targets still to be looked up. */
type What =
  | { readonly type: 'session.leave' | 'room.close' | 'screen.start' }
  | { readonly type: 'presence.update'; readonly hand: boolean | undefined; readonly note: boolean }
  | { readonly type: 'media.update'; readonly media: Readonly<Record<string, string>> }
  | { readonly type: 'chat.send'; readonly targets: readonly Target[] }
  | { readonly type: 'signal.offer' | 'participant.kick'; readonly target: Target }
  | { readonly type: 'host.grant' | 'host.transfer' | 'host.revoke'; readonly target: Target }
  | { readonly type: 'room.update'; readonly locked: boolean }
  | { readonly type: 'screen.stop'; readonly share: number };

/**
 * One step of a sequence, as plain data, which shrinks well: a client that it names by a number is looked up among
 * those who are there, so that taking out other steps does not make it pointless.
 */
type Step =
  | { readonly do: 'join'; readonly user: string; readonly place: number; readonly host: boolean }
  /** `rank: host`: one of the hosts, wherever. */
  | { readonly do: 'send'; readonly by: number; readonly rank: 'any' | 'host'; readonly what: What }
  | { readonly do: 'hangUp' | 'drop' | 'adminKick'; readonly by: number }
  | { readonly do: 'adminClose'; readonly room: string; readonly channel: Channel | undefined };

/** What one run does. */
export interface Sequence {
  readonly steps: readonly Step[];
  /** All at once, none waiting for another, at the end. */
  readonly burst: readonly Step[];
}

const number = fc.nat({ max: 11 });
const weighted = <T>(...choices: [weight: number, value: T][]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })));

const join = fc.record({
  do: fc.constant('join' as const),
  user: fc.constantFrom('ann', 'bob', 'cyd'),
  place: weighted([5, 0], [4, 1], [2, 2], [1, 3]),
  host: weighted([4, false], [1, true]),
});

const target: fc.Arbitrary<Target> = fc.record({
  to: weighted<Target['to']>([8, 'peer'], [1, 'self'], [1, 'outsider'], [1, 'gone'], [1, 'nobody']),
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
      locked: weighted([3, true], [1, false]),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('room.close' as const) }) },
);

const send = (whatever: fc.Arbitrary<What>, rank: fc.Arbitrary<'any' | 'host'>) =>
  fc.record({ do: fc.constant('send' as const), by: number, rank, what: whatever });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: join },
  { weight: 14, arbitrary: send(what, fc.constant('any')) },
  { weight: 10, arbitrary: send(hostWhat, weighted<'any' | 'host'>([4, 'host'], [1, 'any'])) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('drop' as const, 'hangUp' as const), by: number }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('adminKick' as const), by: number }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('adminClose' as const),
      room: fc.constantFrom('a', 'b'),
      channel: fc.option(fc.constantFrom<Channel[]>('zoom', 'chat'), { nil: undefined }),
    }),
  },
);

/** Some joins, what becomes of them, and a burst: 15 steps at most. */
export const sequences: fc.Arbitrary<Sequence> = fc
  .tuple(fc.array(join, { minLength: 2, maxLength: 4 }), upTo(8), upTo(3))
  .map(([joins, steps, burst]) => ({ steps: [...joins, ...steps], burst }));

/** Nearly as many: an `fc.array` is as often empty as full, and short sequences find little. */
function upTo(count: number): fc.Arbitrary<Step[]> {
  const maybe = fc.option(step, { nil: undefined, freq: 8 });
  return fc
    .tuple(...Array.from({ length: count }, () => maybe))
    .map((steps) => steps.flatMap((one) => one ?? []));
}

/** Turns steps into deeds, and gives the names: `c1`, `c2` … to clients, and so on. */
export class Cast {
  #last = 0;

  /** What a step comes down to as things stand; `undefined`: there is nobody to take it. */
  deed(step: Step, model: Model): Deed | undefined {
    if (step.do === 'join') {
      const { user, host } = step;
      const place = places[step.place];
      return place && { do: 'join', name: this.#name('c'), user, place, host };
    }
    if (step.do === 'adminClose') {
      const { room, channel } = step;
      return { do: 'adminClose', room, ...(channel && { channel }) };
    }
    const hosts = model.live.filter((person) => model.room(person.place).hosts.includes(person));
    const by = at(step.do === 'send' && step.rank === 'host' ? hosts : model.live, step.by);
    if (by === undefined) return undefined;
    if (step.do === 'adminKick') return { do: 'adminKick', whom: by.name };
    if (step.do !== 'send') return { do: step.do, by: by.name };
    const { type } = step.what;
    return {
      do: 'send',
      by: by.name,
      id: this.#name('q'),
      type,
      payload: this.#payload(step.what, by, model),
    };
  }

  #name(kind: string): string {
    this.#last += 1;
    return `${kind}${this.#last}`;
  }

  #payload(what: What, by: Person, model: Model): Extract<Deed, { do: 'send' }>['payload'] {
    switch (what.type) {
      case 'presence.update': {
        const metadata = { note: this.#name('t') };
        return {
          ...(what.hand !== undefined && { handRaised: what.hand }),
          ...((what.note || what.hand === undefined) && { metadata }),
        };
      }
      case 'media.update':
        return { ...what.media };
      case 'chat.send': {
        const to = what.targets.map((one) => lookUp(one, by, model));
        return { text: this.#name('t'), ...(to.length > 0 && { to }) };
      }
      case 'signal.offer':
        return { to: lookUp(what.target, by, model), sdp: this.#name('t') };
      case 'participant.kick':
        return { clientId: lookUp(what.target, by, model) };
      case 'host.grant':
      case 'host.transfer':
      case 'host.revoke':
        return { to: lookUp(what.target, by, model) };
      case 'room.update':
        return { locked: what.locked };
      case 'screen.start':
        return { label: this.#name('s') };
      case 'screen.stop':
        return { shareId: at([...model.room(by.place).shares], what.share)?.name ?? 'nothing' };
      default:
        return {};
    }
  }
}

function lookUp({ to, n }: Target, by: Person, model: Model): string {
  const { members } = model.room(by.place);
  const candidates = {
    peer: members.filter((member) => member !== by),
    self: [by],
    outsider: model.live.filter((person) => !members.includes(person)),
    gone: model.people.filter(({ end }) => end !== undefined),
    nobody: [],
  }[to];
  return at(candidates, n)?.name ?? 'nobody';
}

function at<T>(list: readonly T[], n: number): T | undefined {
  return list[n % list.length];
}
