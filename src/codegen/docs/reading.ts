import { refsOf } from '../contract.ts';
import { isObject, type Json, type JsonObject, objectAt, refName } from '../documents.ts';

/**
 * The AsyncAPI document as it is shown to readers: a copy that says in words what Scalar leaves out.
 *
 * Scalar titles a message by its `title`, where a reader looks for the `type` on the wire; hides replies, and so
 * every message that is nothing else; and says `receive` and `send` as the server sees them.
 */
export function readingCopy(asyncapi: JsonObject): JsonObject {
  const copy = structuredClone(asyncapi);
  const info = objectAt(copy, 'info');
  info.description = `${text(info.description)}\n\n[This document as JSON](asyncapi.json)\n`;

  const operations = Object.values(objectAt(copy, 'operations')).filter(isObject);
  for (const [key, value] of Object.entries(objectAt(copy, 'components', 'messages'))) {
    const message = objectAt(value);
    const receiver = operations.find((operation) => refsOf(operation.messages).includes(key));
    const replies = receiver === undefined ? [] : repliesTo(receiver);
    message.description = withReplies(
      `${text(message.summary)} ${text(message.description)}`,
      names(copy, replies),
    );
    message.title = text(message.name);
  }
  for (const operation of operations) {
    const direction = operation.action === 'receive' ? 'To the server' : 'From the server';
    operation.title = `${direction}: ${plain(text(operation.summary))}`;
  }
  for (const channel of Object.keys(objectAt(copy, 'channels'))) {
    const own = operations.filter(({ channel: of }) => refName(objectAt(of).$ref) === channel);
    objectAt(copy, 'operations')[`${channel}.answers`] = answers(copy, channel, own);
  }
  return copy;
}

/** What the server answers on a channel, as an operation of its own: each reply, and what it is the reply to. */
function answers(document: JsonObject, channel: string, operations: readonly JsonObject[]): JsonObject {
  const answered = new Map<string, string[]>();
  for (const operation of operations) {
    for (const reply of repliesTo(operation)) {
      answered.set(reply, [...(answered.get(reply) ?? []), ...refsOf(operation.messages)]);
    }
  }
  const lines = [...answered].map(
    ([reply, keys]) => `- ${names(document, [reply])} answers ${names(document, keys).join(', ')}`,
  );
  return {
    action: 'send',
    title: 'From the server: Answers',
    description: lines.join('\n'),
    channel: { $ref: `#/channels/${channel}` },
    messages: [...answered.keys()].map((key) => ({ $ref: `#/channels/${channel}/messages/${key}` })),
  };
}

function repliesTo(operation: JsonObject): string[] {
  return refsOf(objectAt(operation, 'reply').messages);
}

/** The names of messages as code. */
function names(document: JsonObject, keys: readonly string[]): string[] {
  return keys.map((key) => `\`${text(objectAt(document, 'components', 'messages', key).name)}\``);
}

/** Adds the names of the replies, unless the description has named the first, which is the good one. */
function withReplies(description: string, [first, ...others]: readonly string[]): string {
  if (first === undefined || description.includes(first)) return description;
  return `${description}\n\nAnswered by ${[first, ...others].join(' or ')}.`;
}

/** A summary as a heading, where Markdown is not rendered. */
function plain(summary: string): string {
  return summary.replaceAll('`', '').replace(/\.$/, '');
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value.trim() : '';
}
