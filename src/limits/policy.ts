/**
 * The rule of the escalating limiter, as pure functions on plain data: a sliding log of accepted requests,
 * and a block that doubles with each violation. Every instant is handed in, in whole epoch milliseconds.
 */

/** What a limited operation allows, and how long a caller who takes more than that is blocked. */
export interface LimitPolicy {
  /** Part of the key and of the headers: lower-case letters, digits and hyphens. */
  readonly name: string;
  /** Accepted requests per window. */
  readonly limit: number;
  readonly windowMs: number;
  /** Level 1 lasts `minMs`, each further level twice as long, none longer than `maxMs`. */
  readonly block: { readonly minMs: number; readonly maxMs: number };
}

/** The last block of a key, which may be over. */
export interface LimitBlock {
  /** When it started; 0 if there was none. */
  readonly level: number;
  /** Its end, in epoch milliseconds of the store that holds it; 0 if there was none. */
  readonly blockedUntil: number;
}

/** What is remembered about one key; `undefined` stands for a key that is not remembered. */
export interface LimitState extends LimitBlock {
  /** Instants of the accepted requests since the last block, oldest first, at most `limit` of them. */
  readonly log: readonly number[];
}

/** One request that may go on. */
export interface LimitAcceptance {
  readonly allowed: true;
  readonly limit: number;
  readonly remaining: number;
  /** Until the oldest counted request leaves the window. */
  readonly resetMs: number;
}

/** One request that may not. */
export interface LimitRefusal {
  readonly allowed: false;
  readonly limit: number;
  /** Until the block ends: a request after exactly this long succeeds. */
  readonly retryAfterMs: number;
  readonly level: number;
  /** Epoch milliseconds. */
  readonly blockedUntil: number;
  /** Whether this request was the violation that started the block. */
  readonly started: boolean;
}

/** The answer to one request. */
export type LimitVerdict = LimitAcceptance | LimitRefusal;

const blank: LimitState = { log: [], level: 0, blockedUntil: 0 };

/**
 * Returns the policy if its promises can be kept, to be called once for each policy at start.
 *
 * A block shorter than the window is refused, since the log is cleared when a block starts: the caller would
 * be back with a full quota while the requests before the block still count.
 *
 * @throws RangeError naming the policy
 */
export function checkedPolicy(policy: LimitPolicy): LimitPolicy {
  const { name, limit, windowMs, block } = policy;
  const whole = [limit, windowMs, block.minMs, block.maxMs].every((n) => Number.isSafeInteger(n) && n > 0);
  if (!/^[a-z0-9-]+$/.test(name) || !whole || block.minMs < windowMs || block.maxMs < block.minMs) {
    throw new RangeError(`limit policy "${name}": needs limit > 0 and 0 < window <= block.min <= block.max`);
  }
  return policy;
}

/** Length of a block of the given level (1, 2, …) in milliseconds. */
export function blockMs(level: number, { block }: LimitPolicy): number {
  return Math.min(block.maxMs, block.minMs * 2 ** (level - 1));
}

/** The level that still counts: one is forgiven for every full `block.maxMs` since the last block ended. */
export function levelAt(state: LimitBlock, { block }: LimitPolicy, nowMs: number): number {
  const sinceMs = Math.max(0, nowMs - state.blockedUntil);
  return Math.max(0, state.level - Math.floor(sinceMs / block.maxMs));
}

/** When a key is wholly forgiven and its log empty: to forget it from this instant on changes nothing. */
export function lapsesAt(state: LimitState, policy: LimitPolicy): number {
  return Math.max((state.log.at(-1) ?? 0) + policy.windowMs, forgivenAt(state, policy));
}

function forgivenAt({ level, blockedUntil }: LimitBlock, { block }: LimitPolicy): number {
  return blockedUntil + level * block.maxMs;
}

/**
 * Decides one request and returns the state to remember: the same object when there is nothing to write.
 *
 * A request counts from its own instant up to, not including, the instant `windowMs` later: every interval
 * `[t, t + windowMs)` holds at most `limit` accepted requests. Counting the far edge too would only turn a
 * wait of 60 s into one of 60.001 s, and the `Retry-After` of the shortest block into 61.
 *
 * The clock may step backwards: what was accepted is then counted, and what is blocked stays blocked, until
 * the clock has caught up, and the returned durations include that wait.
 *
 * @param known what the previous call for this key returned
 * @param policy one that `checkedPolicy` accepts
 */
export function take(
  known: LimitState | undefined,
  policy: LimitPolicy,
  nowMs: number,
): { state: LimitState; verdict: LimitVerdict } {
  const state = known ?? blank;
  const { limit, windowMs } = policy;
  const atMs = Math.max(nowMs, state.log.at(-1) ?? 0);
  if (atMs < state.blockedUntil) return { state, verdict: refusal(state, limit, nowMs, false) };

  const log = state.log.filter((acceptedMs) => acceptedMs + windowMs > atMs);
  if (log.length >= limit) {
    const level = levelAt(state, policy, atMs) + 1;
    const blocked = { log: [], level, blockedUntil: atMs + blockMs(level, policy) };
    return { state: blocked, verdict: refusal(blocked, limit, nowMs, true) };
  }

  log.push(atMs);
  const resetMs = (log[0] ?? atMs) + windowMs - nowMs;
  return {
    state: { ...state, log },
    verdict: { allowed: true, limit, remaining: limit - log.length, resetMs },
  };
}

/**
 * Takes over a block that another store started for the same key, by maximum: the later end, and the higher of the
 * levels that still count. The same state when there is nothing to write; order and repeats do not matter.
 */
export function takeOver(
  known: LimitState | undefined,
  policy: LimitPolicy,
  block: LimitBlock,
  nowMs: number,
): LimitState {
  const state = known ?? blank;
  const atMs = Math.max(nowMs, state.log.at(-1) ?? 0);
  const blockedUntil = Math.max(state.blockedUntil, block.blockedUntil);
  if (atMs < blockedUntil) {
    const level = Math.max(levelAt(state, policy, atMs), levelAt(block, policy, atMs));
    const same = blockedUntil === state.blockedUntil && level === state.level;
    // The log is cleared as at the start of any block: when it ends, the caller has the full quota.
    return same ? state : { log: [], level, blockedUntil };
  }
  // Both are over. The one that is forgiven later is also the one of which more levels count at any time.
  if (forgivenAt(block, policy) <= forgivenAt(state, policy)) return state;
  return { log: state.log, level: block.level, blockedUntil: block.blockedUntil };
}

/** The block that a state is in; `undefined`: none. */
export function blockOf(
  state: LimitState | undefined,
  { limit }: LimitPolicy,
  nowMs: number,
): LimitRefusal | undefined {
  return state && nowMs < state.blockedUntil ? refusal(state, limit, nowMs, false) : undefined;
}

function refusal(
  { level, blockedUntil }: LimitState,
  limit: number,
  nowMs: number,
  started: boolean,
): LimitRefusal {
  return { allowed: false, limit, retryAfterMs: blockedUntil - nowMs, level, blockedUntil, started };
}
