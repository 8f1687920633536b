import { isUtf8 } from 'node:buffer';
import { isObject } from '../../src/codegen/documents.ts';
import { headerValues, type ObservedRequest, type ObservedResponse } from '../support/http-stream.ts';
import { codeFact, type Fact, unroutedFact } from './facts.ts';
import { allowFaults, headerFaults, rateLimitFaults, requestIdFaults, upgradeFaults } from './headers.ts';
import { problemFaults } from './problems.ts';
import {
  type DeclaredOperation,
  type DeclaredResponse,
  partsOf,
  type RestContract,
  responseFacts,
} from './rest-contract.ts';

/** What is wrong with a response, and what it adds to the coverage where nothing is. */
export interface Judgement {
  readonly faults: readonly string[];
  readonly facts: readonly Fact[];
}

/** What the document says about the address of a request. */
interface Route {
  /** Absent where the document knows no such path, or not this method of it. */
  readonly operation?: DeclaredOperation;
  /** The methods that it knows of the path. */
  readonly methods: readonly string[];
  /** Whether the path parameters are valid, once decoded. */
  readonly valid: boolean;
  /** Whether a server may take the address for another than the operation's: spelt oddly, or not valid. */
  readonly doubtful: boolean;
}

/** Answers that say that there is no such operation, which for one that there is would be a lie. */
const denials = new Set(['204', '404', '405']);
/** Answers that may precede any look at the headers. */
const early = new Set([400, 408, 431]);

/** Judges one response by the OpenAPI document. */
export function judgeResponse(
  contract: RestContract,
  request: ObservedRequest | undefined,
  response: ObservedResponse,
): Judgement {
  const route = request ? routeOf(contract, request) : { methods: [], valid: true, doubtful: false };
  const status = String(response.status);
  const own = route.operation?.responses.get(status);
  const unrouted = contract.unrouted.get(status);
  const judgements: Judgement[] = [];
  if (own) judgements.push(judgeAs(contract, route, own, request, response));
  if (unrouted && (!route.operation || route.doubtful || (!own && !denials.has(status)))) {
    const judgement = judgeAs(contract, { ...route, valid: true }, unrouted, request, response);
    const facts = route.operation || judgement.facts.length === 0 ? [] : [unroutedFact(status)];
    judgements.push({ ...judgement, facts: [...judgement.facts, ...facts] });
  }
  return (
    judgements.find(({ faults }) => faults.length === 0) ??
    judgements[0] ?? { faults: [`undeclared status ${status}`], facts: [] }
  );
}

function routeOf(contract: RestContract, request: ObservedRequest): Route {
  const [path = ''] = request.target.replace(/^https?:\/\/[^/?#]*/i, '').split(/[?#]/);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const matching = contract.operations
    .filter((operation) => operation.path.pattern.test(path))
    .sort((a, b) => a.path.parameters.length - b.path.parameters.length);
  const operation = matching.find((candidate) => candidate.method === method);
  const methods = matching[0]?.path.methods ?? [];
  if (operation === undefined) return { methods, valid: true, doubtful: false };
  const values = operation.path.pattern.exec(path)?.slice(1) ?? [];
  const valid = operation.path.parameters.every(
    (schema, index) => contract.schemas.faults(schema, decoded(values[index] ?? '')).length === 0,
  );
  const doubtful = !valid || path.includes('%') || !request.target.startsWith('/');
  return { operation, methods, valid, doubtful };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function judgeAs(
  contract: RestContract,
  { operation, methods, valid }: Route,
  declared: DeclaredResponse,
  request: ObservedRequest | undefined,
  response: ObservedResponse,
): Judgement {
  const { headers, status } = response;
  const faults = [
    ...headerFaults(contract, declared, headers),
    ...rateLimitFaults(operation, status, headers),
  ];
  if (!valid && status < 400) faults.push(`${status} in spite of an invalid path parameter`);
  if (request && !early.has(status)) faults.push(...requestIdFaults(declared, request.headers, headers));
  if (status === 405) faults.push(...allowFaults(methods, headers));
  if (status === 101) faults.push(...upgradeFaults(request?.headers ?? [], headers));
  const isHead = request?.method === 'HEAD';
  const body = readContent(contract, declared, response, isHead);
  faults.push(...body.faults);
  // A HEAD shows no body, so it proves too little to count.
  if (isHead || faults.length > 0) return { faults, facts: [] };
  const parts = partsOf(declared).filter(
    (part) => part === body.mediaType || headerValues(headers, part).length > 0,
  );
  const facts = responseFacts(operation?.name ?? '', declared, parts);
  if (body.code !== undefined) facts.push(codeFact(body.code, 'HTTP'));
  return { faults, facts };
}

/** What is wrong with media type and body, and the error code of a problem. */
function readContent(
  contract: RestContract,
  { content }: DeclaredResponse,
  response: ObservedResponse,
  isHead: boolean,
): { faults: string[]; mediaType: string; code?: string } {
  const types = headerValues(response.headers, 'content-type');
  const [type = ''] = types;
  const mediaType = types.length > 1 ? types.join(' and ') : type.replace(/\s*;.*/, '').toLowerCase();
  if (content.size === 0) {
    const faults = types.length > 0 ? [`Content-Type ${types.join()} where no content is declared`] : [];
    if (response.body.length > 0) faults.push('a body where none is declared');
    return { faults, mediaType };
  }
  const schema = content.get(mediaType);
  if (schema === undefined) {
    return {
      faults: [`media type ${mediaType || 'none'}, should be ${[...content.keys()].join(' or ')}`],
      mediaType,
    };
  }
  if (isHead) return { faults: [], mediaType };
  if (!isUtf8(response.body)) return { faults: ['the body is not UTF-8'], mediaType };
  const text = response.body.toString('utf8');
  if (!/[/+]json$/.test(mediaType)) return { faults: contract.schemas.faults(schema, text), mediaType };
  const value = parsed(text);
  if (value === undefined) return { faults: ['the body is not JSON'], mediaType };
  const faults = contract.schemas.faults(schema, value).map((fault) => `body: ${fault}`);
  if (mediaType !== 'application/problem+json') return { faults, mediaType };
  faults.push(...problemFaults(contract, response, value));
  return { faults, mediaType, ...(isObject(value) && { code: String(value.code) }) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
