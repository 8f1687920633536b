import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Source } from '../../rooms/frame.ts';
import type { Hub } from '../../rooms/hub.ts';

/** WebRTC signaling: each message goes to the one peer that it names, and the server does not look into it. */
export function signalHandlers(hub: Hub) {
  return {
    'signal.offer': (sender, { to }, source) => {
      hub.pass(sender, to, 'signal.offer', source);
    },
    'signal.answer': (sender, { to }, source) => {
      hub.pass(sender, to, 'signal.answer', source);
    },
    'signal.candidate': (sender, { to }, source) => {
      hub.pass(sender, to, 'signal.candidate', source);
    },
    'signal.hangup': (sender, { to }, source) => {
      hub.pass(sender, to, 'signal.hangup', source);
    },
    'signal.data': (sender, { to, ...data }, source) => {
      if (to !== undefined) hub.pass(sender, to, 'signal.data', source);
      else hub.announce(sender, 'signal.data', data, { from: sender.clientId, except: sender });
    },
  } satisfies MessageHandlersOf<'signal', Connection, Source>;
}
