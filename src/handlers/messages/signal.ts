import type { MessageHandlersOf } from '../../../generated/messages.ts';
import type { Connection } from '../../rooms/connection.ts';
import type { Hub } from '../../rooms/hub.ts';

/** WebRTC signaling: each message goes to the one peer that it names, and the server does not look into it. */
export function signalHandlers(hub: Hub) {
  return {
    'signal.offer': (sender, { to, ...description }) => {
      hub.relay(sender, to, 'signal.offer', description);
    },
    'signal.answer': (sender, { to, ...description }) => {
      hub.relay(sender, to, 'signal.answer', description);
    },
    'signal.candidate': (sender, { to, ...found }) => {
      hub.relay(sender, to, 'signal.candidate', found);
    },
    'signal.hangup': (sender, { to, ...hangup }) => {
      hub.relay(sender, to, 'signal.hangup', hangup);
    },
    'signal.data': (sender, { to, ...data }) => {
      if (to !== undefined) hub.relay(sender, to, 'signal.data', data);
      else hub.announce(sender, 'signal.data', data, { from: sender.clientId, except: sender });
    },
  } satisfies MessageHandlersOf<'signal', Connection>;
}
