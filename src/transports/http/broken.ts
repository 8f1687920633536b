import type { Duplex } from 'node:stream';
import { httpLimits } from '../../../generated/operations.ts';
import { SignalboxError } from '../../rooms/errors.ts';
import { endWithRefusal, toRefusal } from '../problem.ts';

/** Answers a request that Node could not parse, or that took too long to arrive, and ends its connection. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET') socket.destroy();
  else endWithRefusal(socket, toRefusal(toContractError(error), crypto.randomUUID()));
}

function toContractError({ code }: NodeJS.ErrnoException): SignalboxError {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const message = `The headers are over ${httpLimits.maxHeaderBytes} bytes.`;
    return new SignalboxError('headers_too_large', message);
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new SignalboxError('request_timeout', 'The request did not arrive in time.');
  }
  return new SignalboxError('bad_request', 'This is not an HTTP request.');
}
