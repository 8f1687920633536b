import type { NodeMessage } from '../rooms/broker.ts';
import type { Clock } from '../rooms/clock.ts';
import type { Frame } from '../rooms/frame.ts';
import type { Announcement } from '../rooms/hub.ts';
import { degraded } from './degraded.ts';
import { commandTimeoutMs, inTime } from './redis.ts';

/** A message on its way to this node itself. */
export interface Echo {
  /** Has the members of this node told. */
  readonly tellHere: Announcement['tellHere'];
  /** What they are told: as it was composed, and then as Redis has published it. */
  frame: Frame;
  readonly heard: PromiseWithResolvers<void>;
  /** Whether it has been told here, by the echo or in its place. */
  isTold: boolean;
  /** Whether Redis is known to have published it. */
  isPublished: boolean;
  /** Whether this node may have missed it. */
  isMissed: boolean;
}

/** So long one is awaited whose publication failed, or that is late: after that it comes from nowhere. */
const keptMs = 30_000;

/**
 * What this node has published to itself as well, so that its own members hear of it in the same order as those of all
 * other nodes; each is told here once, however late it comes. Where the subscription was lost on which it would have come,
 * it is told without.
 */
export class Echoes {
  readonly #awaited = new Map<string, Echo>();
  readonly #later: Clock['later'];
  readonly #patienceMs: number;

  /** @param patienceMs how long whoever has published waits for the echo */
  constructor(later: Clock['later'], patienceMs = commandTimeoutMs) {
    this.#later = later;
    this.#patienceMs = patienceMs;
  }

  /** How many are still to come. */
  get size(): number {
    return this.#awaited.size;
  }

  /** One is about to be published under this name. */
  expect(name: string, { tellHere, message: { frame } }: Announcement): Echo {
    const heard = Promise.withResolvers<void>();
    const echo: Echo = { tellHere, frame, heard, isTold: false, isPublished: false, isMissed: false };
    this.#awaited.set(name, echo);
    return echo;
  }

  /** A message of this node has come: its members are told, if they still are to be. */
  hear(message: NodeMessage): void {
    if (message.kind !== 'announce' || message.echo === undefined) return;
    const echo = this.#awaited.get(message.echo);
    if (echo === undefined) return;
    echo.frame = message.frame;
    this.#tell(message.echo, echo);
  }

  /**
   * Redis has published what has this name: resolves when it has been told here, and at once where it is awaited no more.
   * Rejects with `degraded` where it does not come in time; then it may do so later.
   *
   * @param changed what Redis has made of the frame
   */
  async published(name: string, changed: (frame: Frame) => Frame = (frame) => frame): Promise<void> {
    const echo = this.#awaited.get(name);
    if (echo === undefined) return;
    echo.frame = changed(echo.frame);
    echo.isPublished = true;
    if (echo.isMissed) return this.#tell(name, echo);
    await inTime(echo.heard.promise, this.#patienceMs).catch((error) => {
      throw degraded(error);
    });
  }

  /** It is not known whether Redis has published it. */
  unsure(name: string): void {
    const echo = this.#awaited.get(name);
    this.#later(() => {
      if (echo !== undefined && this.#awaited.get(name) === echo) this.#awaited.delete(name);
    }, keptMs);
  }

  /** Nothing is published under this name. */
  forget(name: string): void {
    this.#awaited.delete(name);
  }

  /** Messages may have been missed: those that Redis has published are told here now. */
  missed(): void {
    for (const [name, echo] of this.#awaited) {
      echo.isMissed = true;
      if (echo.isPublished) this.#tell(name, echo);
    }
  }

  #tell(name: string, echo: Echo): void {
    this.#awaited.delete(name);
    echo.isTold = true;
    echo.tellHere(echo.frame);
    echo.heard.resolve();
  }
}
