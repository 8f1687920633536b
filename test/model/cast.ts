import { type Deed, places } from './deeds.ts';
import type { Model } from './model.ts';
import type { Person } from './people.ts';
import type { Step, Target, What } from './steps.ts';

/** Turns steps into deeds, and gives the names: `c1`, `c2` … to clients, and so on. */
export class Cast {
  #last = 0;

  /** What a step comes down to as things stand; `undefined`: there is nobody to take it. */
  deed(step: Step, model: Model): Deed | undefined {
    if (step.do === 'join') {
      const { user, host, queues, node } = step;
      const waitingRoom = queues ? places.find((one) => model.room(one).approval) : undefined;
      const place = waitingRoom ?? places[step.place];
      return place && { do: 'join', name: this.#name('c'), user, place, node, host };
    }
    if (!('by' in step)) {
      const { room, channel, node } = step;
      return { do: step.do, room, ...(channel && { channel }), node };
    }
    const by = at(candidates(step, model), step.by);
    if (by === undefined) return undefined;
    if (step.do === 'adminKick') return { do: 'adminKick', whom: by.name, node: step.node };
    if (step.do === 'resume') {
      const isThere = model.there.includes(by) && by.end !== undefined;
      return isThere
        ? { do: 'resume', by: by.name, node: by.node, host: step.host }
        : { do: 'drop', by: by.name };
    }
    if (step.do !== 'send') {
      const isDrop = step.do === 'expire' && model.lost.length === 0;
      return { do: isDrop ? 'drop' : step.do, by: by.name };
    }
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
        return { ...what.change };
      case 'waiting.decide':
        return { clientId: lookUp(what.target, by, model), ...what.decision };
      case 'session.refreshToken':
        return { host: what.host };
      case 'screen.start':
        return { label: this.#name('s') };
      case 'screen.stop':
        return { shareId: at([...model.room(by.place).shares], what.share)?.name ?? 'nothing' };
      default:
        return {};
    }
  }
}

/** Who may be meant by a step; rights are not asked for. */
function candidates(step: Step, model: Model): readonly Person[] {
  if (step.do === 'expire' && model.lost.length > 0) return model.lost;
  if (step.do === 'resume') {
    const away = model.lost.filter((person) => model.there.includes(person));
    return away.length > 0 ? away : model.live;
  }
  const known = step.do === 'adminKick' ? model.there : model.live;
  if (!('rank' in step) || step.rank === 'any') return known;
  return known.filter((person) => {
    const { hosts, waiting } = model.room(person.place);
    return hosts.includes(person) && (step.rank === 'host' || waiting.length > 0);
  });
}

function lookUp({ to, n }: Target, by: Person, model: Model): string {
  if (to === 'all') return to;
  const { members, waiting } = model.room(by.place);
  const targets = {
    peer: members.filter((member) => member !== by),
    waiting,
    self: [by],
    outsider: model.live.filter((person) => !members.includes(person)),
    gone: model.people.filter(({ end }) => end !== undefined),
    nobody: [],
  }[to];
  return at(targets, n)?.name ?? 'nobody';
}

function at<T>(list: readonly T[], n: number): T | undefined {
  return list[n % list.length];
}
