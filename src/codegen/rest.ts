import type { Contract, Operation } from './contract.ts';
import { objectAt } from './documents.ts';
import { writeTypes } from './schema-types.ts';
import { banner, comment, durations, literal, propertyName, quote } from './write.ts';

/** Writes `rest.ts`: the types of the OpenAPI document. */
export async function writeRest({ openapi }: Contract): Promise<string> {
  return banner + (await writeTypes(openapi.root));
}

/** Writes `operations.ts`: the route table, and the type that handlers fill. */
export function writeOperations({ openapi, operations }: Contract): string {
  const of = (kind: Operation['kind']) => operations.filter((operation) => operation.kind === kind);
  const scopes = [...new Set(operations.flatMap(({ scope }) => scope ?? []))].sort();
  return `${banner}import type { operations } from './rest.ts';

/** A scope that an operation asks of a token. */
export type Scope = ${scopes.map(quote).join(' | ')};

/** How often a caller may use an operation, and how long it is blocked when it overdoes it. */
export interface RateLimit {
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  readonly block: { readonly minMs: number; readonly maxMs: number };
}

/** One operation of the contract. */
export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  readonly path: string;
  readonly tag: string;
  readonly auth: 'none' | 'token';
  readonly success: number;
  readonly body: boolean;
  readonly scope?: Scope;
  readonly limit?: RateLimit;
}

${comment('The operations that a handler answers with JSON, or with no content.')}
export const routes = {
${of('json').map(writeRoute).join('\n')}
} as const satisfies Record<string, Route>;

${comment('The operations that answer with a file or a redirect.')}
export const pages = {
${of('page').map(writeRoute).join('\n')}
} as const satisfies Record<string, Route>;

${comment('The operations that open a WebSocket, by channel.')}
export const upgrades = {
${of('upgrade')
  .map((operation) => writeRoute({ ...operation, id: operation.path.split('/')[2] ?? '' }))
  .join('\n')}
} as const satisfies Record<string, Route>;

${comment('What the server accepts before it looks at any route.')}
export const httpLimits = ${literal(durations(objectAt(openapi.root, 'x-http-limits'), `${openapi.file}#/x-http-limits`))} as const;

${comment('How many upgrades the server takes up at once, and how many wait.')}
export const handshakes = ${literal(durations(objectAt(openapi.root, 'x-handshakes'), `${openapi.file}#/x-handshakes`))} as const;

${comment('Names an operation that a handler answers.')}
export type OperationId = keyof typeof routes;

type Field<T, K extends PropertyKey> = T extends { [P in K]?: infer V } ? V : undefined;
type Given<T> = [T] extends [never] ? {} : T;
type Parameters<Id extends OperationId, In extends 'path' | 'query' | 'header'> = Given<NonNullable<Field<operations[Id]['parameters'], In>>>;
type LowerCased<T> = { [K in keyof T as Lowercase<K & string>]: T[K] };
type JsonOf<T> = T extends { content: { 'application/json': infer B } } ? B : undefined;
type BodyOf<T> = T extends { requestBody: infer B } ? JsonOf<B> : T extends { requestBody?: infer B } ? JsonOf<B> | undefined : undefined;

/** What reaches a handler: validated, each part typed by the contract. */
export interface OperationRequest<Id extends OperationId> {
  readonly params: Parameters<Id, 'path'>;
  readonly query: Parameters<Id, 'query'>;
  readonly headers: LowerCased<Parameters<Id, 'header'>>;
  readonly body: BodyOf<operations[Id]>;
}

/** The body with which a handler succeeds; refusals are thrown. */
export type OperationReply<Id extends OperationId> = JsonOf<Field<operations[Id]['responses'], (typeof routes)[Id]['success']>>;

type Listed<T> = T extends readonly (infer Item)[] ? readonly Item[] | IteratorObject<Item> : T;

/** A body as handlers return it: a list, or one among its properties, may be an iterator that is drawn as it is written. */
export type Drawn<Body> = Body extends readonly unknown[] ? Listed<Body> : { [K in keyof Body]: Listed<Body[K]> };

/** What clients get, by operation. */
export type OperationReplies = { [Id in OperationId]: OperationReply<Id> };

/** Who calls: \`Caller\` where the operation asks for a token, else \`undefined\`. */
export type CallerOf<Id extends OperationId, Caller> = (typeof routes)[Id]['auth'] extends 'token' ? Caller : undefined;

/** One handler per operation: a missing, extra or mistyped one does not compile. */
export type OperationHandlers<Caller> = {
  readonly [Id in OperationId]: (request: OperationRequest<Id>, caller: CallerOf<Id, Caller>) => Drawn<OperationReply<Id>> | Promise<Drawn<OperationReply<Id>>>;
};

/** The handlers of the operations with one tag. */
export type OperationHandlersOf<Tag extends Route['tag'], Caller> = Pick<OperationHandlers<Caller>, { [Id in OperationId]: (typeof routes)[Id]['tag'] extends Tag ? Id : never }[OperationId]>;
`;
}

function writeRoute({ id, method, path, tag, auth, scope, limit, success, body }: Operation): string {
  return `  ${propertyName(id)}: ${literal({ method, path, tag, auth, success, body, scope, limit })},`;
}
