import type { Contract, Message } from './contract.ts';
import { banner, comment, propertyName, quote } from './write.ts';

/** Writes `client.ts`: one typed method per client message, in a namespace each. */
export function writeClient({ messages }: Contract): string {
  const client = messages.filter(({ direction }) => direction === 'client');
  const namespaces = Map.groupBy(client, ({ type }) => type.split('.')[0] ?? '');
  return `${banner}import type { ClientMessageType, ClientPayloads, ClientReplies } from './messages.ts';

/** Sends a message and waits for its answer; what the methods below are made of. */
export type Send = <T extends ClientMessageType>(type: T, payload: ClientPayloads[T]) => Promise<ClientReplies[T]>;

/** One method per client message. Each resolves with the answer and rejects when the server refuses. */
export function messageMethods(send: Send) {
  return {
${[...namespaces].map(([name, list]) => `    ${name}: {\n${list.map(writeMethod).join('\n')}\n    },`).join('\n')}
  };
}
`;
}

function writeMethod({ type, summary, description }: Message): string {
  const name = propertyName(type.slice(type.indexOf('.') + 1));
  return `${comment(`${summary}\n\n${description.trim()}`, '      ')}\n      ${name}: (payload: ClientPayloads[${quote(type)}]) => send(${quote(type)}, payload),`;
}
