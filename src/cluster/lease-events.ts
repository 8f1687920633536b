/** What becomes of a node among others, told to whoever holds its connections. */
export interface LeaseEvents {
  /**
   * Another node is dead, and this one is to sweep it: resolves when nothing is left of it, so that it is forgotten;
   * where it rejects, the node is handed out again a beat later. It may have been swept in part, and where this node
   * is late another one may do so at the same time.
   */
  readonly onDead: (nodeId: string) => Promise<void>;
  /**
   * This node was frozen or cut off for so long that others sweep it, or have swept it: all its connections have left
   * as far as others know, and must be closed. It has another id already, and a lease again a moment later.
   */
  readonly onLost: (lostId: string) => void;
  /** Redis was emptied, and this node has its lease again: what it holds must be written anew. */
  readonly onEmptied: () => void;
  /** Redis has not answered for three beats. */
  readonly onGone: (error: unknown) => void;
  /** It does again; comes before what else the answer brings. */
  readonly onRecovered: (afterMs: number) => void;
  /** One of the others has thrown: what it was to do is not done. */
  readonly onFault: (error: unknown) => void;
}

/** The same, of which none throws: a node beats on, whatever becomes of what it tells. */
export function guarded({ onDead, onFault, ...others }: LeaseEvents): LeaseEvents {
  const guard =
    <Told extends unknown[]>(tell: (...told: Told) => void) =>
    (...told: Told) => {
      try {
        tell(...told);
      } catch (error) {
        onFault(error);
      }
    };
  return {
    onDead: (nodeId) => Promise.try(() => onDead(nodeId)),
    onLost: guard(others.onLost),
    onEmptied: guard(others.onEmptied),
    onGone: guard(others.onGone),
    onRecovered: guard(others.onRecovered),
    onFault,
  };
}
