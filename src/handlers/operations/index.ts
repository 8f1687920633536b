import type { ExactHandlers } from '../../../generated/messages.ts';
import type { OperationHandlers, OperationReplies } from '../../../generated/operations.ts';
import type { Admission } from '../../rooms/admission.ts';
import type { Closing } from '../../rooms/closing.ts';
import type { Directory } from '../../rooms/directory.ts';
import type { Report } from '../../rooms/events.ts';
import type { Exclusion } from '../../rooms/exclusion.ts';
import type { Hub } from '../../rooms/hub.ts';
import type { IdempotencyKeys } from '../../rooms/idempotency-keys.ts';
import type { RoomStore } from '../../rooms/room-store.ts';
import type { Views } from '../../rooms/views.ts';
import { banOperations } from './bans.ts';
import type { AdminAction, Caller } from './caller.ts';
import { connectionOperations } from './connections.ts';
import { documentOperations } from './documents.ts';
import { roomOperations } from './rooms.ts';
import { serviceOperations } from './service.ts';
import { socketOperations } from './sockets.ts';

/** What the operations need. */
export interface OperationParts {
  readonly directory: Directory;
  readonly rooms: RoomStore;
  readonly views: Views;
  readonly hub: Hub;
  readonly closing: Closing;
  readonly exclusion: Exclusion;
  readonly idempotency: IdempotencyKeys;
  readonly admission: Admission;
  /** Whether the server was told to stop; it takes sockets until it is draining. */
  readonly isStopping: () => boolean;
  readonly isDraining: () => boolean;
  readonly isDegraded: () => boolean;
  readonly audit: Report<AdminAction>;
  readonly now: () => number;
}

/** The handler of every operation. */
export function operationHandlers(parts: OperationParts): OperationHandlers<Caller> {
  const { directory, rooms, views, hub, closing, exclusion, idempotency, admission } = parts;
  const { isStopping, isDraining, isDegraded, audit, now } = parts;
  const handlers = {
    ...connectionOperations(directory, rooms, views, exclusion, audit),
    ...roomOperations(directory, rooms, views, hub, closing, idempotency, audit, now),
    ...banOperations(exclusion, audit),
    ...socketOperations(admission, isDraining),
    ...serviceOperations(isStopping, isDegraded),
    ...documentOperations,
  };
  // What the parts return is looked at once more: a body with a property too many does not compile.
  return handlers satisfies ExactHandlers<typeof handlers, OperationReplies>;
}
