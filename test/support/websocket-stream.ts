import { type Parser, StreamFault } from './byte-feed.ts';

/** What travels on an open WebSocket. */
export type ObservedFrame =
  /** A whole message, put together from its fragments. */
  | { readonly kind: 'message'; readonly binary: boolean; readonly data: Buffer }
  | { readonly kind: 'ping' | 'pong'; readonly data: Buffer }
  /** `code` is 1005 where the frame carries none (RFC 6455, section 7.1.5). */
  | { readonly kind: 'close'; readonly code: number; readonly reason: Buffer };

/** Reads frames (RFC 6455, section 5) of one direction: those of clients are masked, those of servers not. */
export function* readFrames(masked: boolean, emit: (frame: ObservedFrame) => void): Parser<never> {
  let message: { binary: boolean; parts: Buffer[] } | undefined;
  for (;;) {
    const { fin, opcode, data } = yield* readFrame(masked);
    if (opcode >= 8) {
      if (!fin || data.length > 125) throw new StreamFault('a control frame that is long or in fragments');
      emit(controlFrame(opcode, data));
      continue;
    }
    if (opcode > 2) throw new StreamFault(`reserved opcode ${opcode}`);
    if ((opcode === 0) === (message === undefined)) throw new StreamFault('fragments out of order');
    message ??= { binary: opcode === 2, parts: [] };
    message.parts.push(data);
    if (!fin) continue;
    emit({ kind: 'message', binary: message.binary, data: Buffer.concat(message.parts) });
    message = undefined;
  }
}

function* readFrame(masked: boolean): Parser<{ fin: boolean; opcode: number; data: Buffer }> {
  const start = yield 2;
  const [first, second] = [start.readUInt8(0), start.readUInt8(1)];
  if ((first & 0x70) !== 0) throw new StreamFault('reserved bits in a frame');
  if (second >= 0x80 !== masked) throw new StreamFault(masked ? 'an unmasked frame' : 'a masked frame');
  let length = second & 0x7f;
  if (length === 126) length = (yield 2).readUInt16BE();
  else if (length === 127) length = Number((yield 8).readBigUInt64BE());
  const mask = masked ? yield 4 : undefined;
  const data = Buffer.from(yield length); // a copy: the same bytes are being forwarded
  if (mask) for (let i = 0; i < length; i += 1) data[i] = (data[i] ?? 0) ^ (mask[i % 4] ?? 0);
  return { fin: first >= 0x80, opcode: first & 0x0f, data };
}

function controlFrame(opcode: number, data: Buffer): ObservedFrame {
  if (opcode === 9 || opcode === 10) return { kind: opcode === 9 ? 'ping' : 'pong', data };
  if (opcode !== 8) throw new StreamFault(`reserved opcode ${opcode}`);
  if (data.length === 1) throw new StreamFault('a close frame with half a code');
  return { kind: 'close', code: data.length > 0 ? data.readUInt16BE() : 1005, reason: data.subarray(2) };
}
