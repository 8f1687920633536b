import { adminClient, connect } from 'signalbox/client';

/** What the README shows: two clients join, one offers, one chats, and an administrator ends it. */
export async function tenLines(url: string, alice: string, bob: string, admin: string): Promise<string> {
  const host = await connect({ url, channel: 'zoom', roomId: 'ABC123', token: alice });
  const guest = await connect({ url, channel: 'zoom', roomId: 'ABC123', token: bob });
  const offered = new Promise<string>((resolve) =>
    host.on('signal.offer', ({ payload }) => resolve(payload.sdp)),
  );
  await guest.signal.offer({ to: host.welcome.self.clientId, sdp: 'v=0' });
  const { messageId } = await guest.chat.send({ text: `Offered ${await offered}` });
  const id = guest.welcome.self.clientId;
  const { data } = await adminClient(url, admin).POST('/api/connections/{id}/kick', {
    params: { path: { id } },
  });
  const { closeCode } = await guest.closed;
  host.close();
  return `${messageId.length} ${data?.message} ${closeCode}`;
}
