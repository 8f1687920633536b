import { isObject, type Json, type JsonObject, objectAt } from '../../src/codegen/documents.ts';
import { codeFact, type Fact, operationFact, sharedFact, unroutedFact } from './facts.ts';
import { ClosedSchemas } from './schemas.ts';

/** A response that the document declares, with its references resolved one level deep. */
export interface DeclaredResponse {
  readonly status: string;
  /** Its name in the components, where it stands there. */
  readonly shared: string | undefined;
  readonly headers: readonly DeclaredHeader[];
  /** Media type to schema. */
  readonly content: ReadonlyMap<string, JsonObject>;
}

/** A header that a response declares. */
export interface DeclaredHeader {
  readonly name: string;
  readonly required: boolean;
  readonly schema: JsonObject;
}

/** One operation: a method of a path. */
export interface DeclaredOperation {
  /** For people, and for the coverage: `GET /healthz`. */
  readonly name: string;
  readonly method: string;
  readonly path: DeclaredPath;
  readonly limit: JsonObject | undefined;
  readonly responses: ReadonlyMap<string, DeclaredResponse>;
}

/** One path template, as it is matched on the raw path. */
export interface DeclaredPath {
  readonly pattern: RegExp;
  readonly methods: readonly string[];
  /** The schemas of its parameters, in their order. */
  readonly parameters: readonly JsonObject[];
}

/** What the table of error codes says about one. */
export interface DeclaredError {
  readonly title: string;
  readonly status: number | undefined;
  readonly socket: boolean;
  readonly retryable: boolean;
}

/** The OpenAPI document, as the checker reads it. */
export class RestContract {
  readonly schemas: ClosedSchemas;
  readonly operations: readonly DeclaredOperation[];
  /** What answers a request that belongs to no operation, by status. */
  readonly unrouted: ReadonlyMap<string, DeclaredResponse>;
  readonly errors: ReadonlyMap<string, DeclaredError>;
  readonly #root: JsonObject;

  constructor(root: JsonObject) {
    this.#root = root;
    this.schemas = new ClosedSchemas(root);
    this.errors = readErrors(root);
    this.unrouted = this.#readResponses(objectAt(root, 'x-unrouted-responses'));
    this.operations = Object.entries(objectAt(root, 'paths')).flatMap(([path, item]) =>
      this.#readPath(path, objectAt(item)),
    );
  }

  /** Everything that the document declares and a test run must provoke. */
  facts(): Fact[] {
    const facts: Fact[] = [...this.unrouted.keys()].map(unroutedFact);
    const responses = this.operations.flatMap(({ name, responses }) =>
      [...responses.values()].map((response) => [name, response] as const),
    );
    for (const response of this.unrouted.values()) responses.push(['', response]);
    for (const [operation, response] of responses) {
      facts.push(...responseFacts(operation, response, partsOf(response)));
    }
    for (const [code, { status }] of this.errors)
      if (status !== undefined) facts.push(codeFact(code, 'HTTP'));
    return facts;
  }

  #readPath(path: string, item: JsonObject): DeclaredOperation[] {
    const methods = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options'].filter(
      (name) => name in item,
    );
    return methods.map((method) => {
      const operation = objectAt(item, method);
      const named = [...listAt(item, 'parameters'), ...listAt(operation, 'parameters')]
        .map((parameter) => this.#resolve(parameter))
        .filter((parameter) => parameter.in === 'path');
      const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) =>
        objectAt(
          named.find((parameter) => parameter.name === name),
          'schema',
        ),
      );
      const source = path.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&').replaceAll(/\{\w+\}/g, '([^/]+)');
      return {
        name: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path: {
          pattern: new RegExp(`^${source}$`),
          methods: methods.map((name) => name.toUpperCase()),
          parameters,
        },
        limit: isObject(operation['x-rate-limit']) ? operation['x-rate-limit'] : undefined,
        responses: this.#readResponses(objectAt(operation, 'responses')),
      };
    });
  }

  #readResponses(responses: JsonObject): Map<string, DeclaredResponse> {
    return new Map(
      Object.entries(responses).map(([status, value]) => {
        const response = this.#resolve(value);
        const ref = objectAt(value).$ref;
        const shared = typeof ref === 'string' ? ref.slice(ref.lastIndexOf('/') + 1) : undefined;
        const headers = Object.entries(objectAt(response, 'headers')).map(([name, header]) => {
          const { required, schema } = this.#resolve(header);
          return { name, required: required === true, schema: this.#resolve(schema ?? {}) };
        });
        const content = Object.entries(objectAt(response, 'content')).map(
          ([type, media]) => [type, objectAt(media, 'schema')] as const,
        );
        return [status, { status, shared, headers, content: new Map(content) }];
      }),
    );
  }

  #resolve(value: Json): JsonObject {
    const ref = objectAt(value).$ref;
    return typeof ref === 'string' ? objectAt(this.#root, ...ref.split('/').slice(1)) : objectAt(value);
  }
}

/** The parts of a response that count on their own: its headers, and its media types where it has several. */
export function partsOf({ headers, content }: DeclaredResponse): string[] {
  return [...headers.map(({ name }) => name), ...(content.size > 1 ? content.keys() : [])];
}

/** What a response gives to the coverage: itself, and the parts of it that were seen. */
export function responseFacts(
  operation: string,
  response: DeclaredResponse,
  parts: readonly string[],
): Fact[] {
  const { shared, status } = response;
  return [undefined, ...parts].map((part) =>
    shared === undefined ? operationFact(operation, status, part) : sharedFact(shared, part),
  );
}

/** The table of error codes, which both documents carry. */
export function readErrors(root: JsonObject): Map<string, DeclaredError> {
  const table = objectAt(root, 'components', 'schemas', 'ErrorCode', 'x-errors');
  return new Map(
    Object.entries(table).map(([code, value]) => {
      const { title, status, socket, retryable } = objectAt(value);
      return [
        code,
        {
          title: String(title),
          status: typeof status === 'number' ? status : undefined,
          socket: socket === true,
          retryable: retryable === true,
        },
      ];
    }),
  );
}

function listAt(from: JsonObject, key: string): Json[] {
  const list = from[key];
  return Array.isArray(list) ? list : [];
}
