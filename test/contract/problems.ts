import { isObject, type JsonObject, objectAt } from '../../src/codegen/documents.ts';
import { headerValues, type ObservedResponse } from '../support/http-stream.ts';
import type { RestContract } from './rest-contract.ts';

/** Where a problem document contradicts the response that carries it, or the table of error codes. */
export function problemFaults(
  contract: RestContract,
  response: ObservedResponse,
  problem: unknown,
): string[] {
  if (!isObject(problem)) return ['the problem is not an object'];
  const code = String(problem.code);
  const error = contract.errors.get(code);
  if (error === undefined) return [`unknown code ${code}`];
  const retryAfter = headerValues(response.headers, 'retry-after')[0];
  const expected: [what: string, found: unknown, wanted: unknown][] = [
    ['status', problem.status, response.status],
    [`status of the code ${code}`, response.status, error.status],
    ['type', problem.type, `urn:signalbox:problem:${code}`],
    ['title', problem.title, error.title],
    ['requestId', problem.requestId, headerValues(response.headers, 'x-request-id')[0]],
    ['retryAfter', problem.retryAfter, retryAfter === undefined ? undefined : Number(retryAfter)],
  ];
  const faults = expected
    .filter(([, found, wanted]) => found !== wanted)
    .map(([what, found, wanted]) => `problem: ${what} is ${shown(found)}, should be ${shown(wanted)}`);
  return [...faults, ...pointerFaults(problem)];
}

/** Where a pointer leads to no part of a request. */
function pointerFaults({ errors }: JsonObject): string[] {
  const pointers = Array.isArray(errors) ? errors.map((fault) => String(objectAt(fault).pointer)) : [];
  return pointers
    .filter((pointer) => !/^(\/(body|query|path|headers)(\/.*)?)?$/.test(pointer))
    .map((pointer) => `problem: the pointer ${pointer} starts at no part of a request`);
}

function shown(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}
