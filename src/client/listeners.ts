import type { ServerMessage, ServerMessageType, SessionWelcome } from '../../generated/messages.ts';

/** What happens to the connection itself. */
export interface ConnectionEvents {
  /**
   * The connection is lost, or an attempt to have it back has failed; the next follows in `delayMs`. What is sent
   * meanwhile waits.
   */
  readonly reconnecting: { readonly closeCode: number; readonly attempt: number; readonly delayMs: number };
  /**
   * The session goes on as if nothing had been: what was missed follows, in order and each once. The welcome holds the
   * roster as it is now.
   */
  readonly resumed: { readonly welcome: SessionWelcome };
  /**
   * A fresh start: the session could not be resumed. The client is somebody new (another `clientId`), what it had in the
   * room is gone, and what came meanwhile is missing: calls begin anew, and `chat.history` after the last message that
   * was seen has what was said. `previous` is the last welcome of the session that is gone.
   */
  readonly restarted: { readonly welcome: SessionWelcome; readonly previous: SessionWelcome };
}

/** What a room connection tells, by name: every message of the server by its type, and what happens to the connection. */
export type RoomEvents = ConnectionEvents & { readonly [T in ServerMessageType]: ServerMessage<T> };

/** Who listens to what. */
export class Listeners {
  readonly #byType = new Map<keyof RoomEvents, Set<(event: never) => void>>();

  /** Hears of every event of a type from now on; the returned function ends it. */
  on<T extends keyof RoomEvents>(type: T, listener: (event: RoomEvents[T]) => void): () => void {
    const heard = this.#byType.get(type) ?? new Set();
    this.#byType.set(type, heard.add(listener));
    return () => heard.delete(listener);
  }

  tell<T extends keyof RoomEvents>(type: T, event: RoomEvents[T]): void {
    for (const listener of this.#byType.get(type) ?? []) {
      try {
        listener(event as never); // the set is that of the event's type
      } catch (error) {
        // The others are to hear of it all the same; the fault shows as an uncaught one.
        setTimeout(() => {
          throw error;
        });
      }
    }
  }
}
