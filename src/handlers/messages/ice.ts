import type { IceServer, MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';

/** The servers that help two peers to find a way to each other. */
export function iceHandlers(iceServers: readonly IceServer[]) {
  return {
    'ice.refresh': () => ({ iceServers: [...iceServers] }),
  } satisfies MessageHandlersOf<'ice', Connection>;
}
