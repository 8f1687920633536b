/** How time passes. */
export interface Clock {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Runs something once, after so many milliseconds. */
  readonly later: (run: () => void, ms: number) => void;
}
