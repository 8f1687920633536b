import type { Carriage } from '../../rooms/carriage.ts';
import type { Connection } from '../../rooms/connection.ts';
import { Session, type SessionParts } from './session.ts';

/** How sessions travel from one node to another. */
export function carriageOf(parts: SessionParts): Carriage {
  return {
    detach: async (connection, received) => (await sessionOf(connection)?.detach(received)) === true,
    pack: (connection, received) => sessionOf(connection)?.pack(received),
    open: () => new Session(undefined, parts).await(),
    unpack: (connection, parcel) => sessionOf(connection)?.unpack(connection, parcel) === true,
  };
}

function sessionOf({ outlet }: Connection): Session | undefined {
  return outlet instanceof Session ? outlet : undefined;
}
