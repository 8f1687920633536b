import type { Request, RequestHandler, Response } from 'express';
import { middleware, error as validatorErrors } from 'express-openapi-validator';
import openapi from '../../../generated/openapi.json' with { type: 'json' };
import { type Fault, SignalboxError } from '../../rooms/errors.ts';
import type { BodyCheck } from './body.ts';

interface Operation {
  readonly responses?: Record<string, { headers?: unknown }>;
}

/** The contract's checks of one router. */
export interface ContractValidation {
  /** Check requests, and a body that goes through `response.json`. They stand behind the body parser. */
  readonly steps: readonly RequestHandler[];
  /** Gives a check for bodies of a response that do not go through `response.json`. */
  readonly bodyCheck: (request: Request, response: Response) => Promise<BodyCheck>;
}

/** To compile the document takes a third of a second; what comes of it is the same for all servers of a process. */
let compiled: ContractValidation | undefined;

/**
 * Checks requests and the JSON bodies of responses against the OpenAPI document. A response that breaks the
 * contract is a fault of the server, and becomes `internal`.
 */
export function validateByContract(): ContractValidation {
  compiled ??= compile();
  return compiled;
}

function compile(): ContractValidation {
  const steps = middleware({
    apiSpec: checkedPart() as unknown as Parameters<typeof middleware>[0]['apiSpec'],
    validateApiSpec: false, // redocly has, and the generator
    validateSecurity: false, // the guards do, before any body is read
    validateRequests: { allowUnknownQueryParameters: false },
    validateResponses: {
      onError: (error) => {
        throw new Error(`the response breaks the contract: ${error.message}`);
      },
    },
  }) as RequestHandler[];
  return { steps, bodyCheck: (request, response) => bodyCheck(steps.at(-1), request, response) };
}

/**
 * What the validator is to look at: without the headers of responses, and without refusals, which never go through
 * `response.json`. It compiles all responses of an operation at its first call, with all that they could refer to,
 * and would hold up everybody for a tenth of a second.
 */
function checkedPart() {
  const { openapi: version, info, servers, paths, components } = structuredClone(openapi);
  const { schemas, parameters, securitySchemes } = components;
  for (const { responses } of Object.values(paths).flatMap((path): Operation[] => Object.values(path))) {
    for (const [status, response] of Object.entries(responses ?? {})) {
      if (Number(status) < 400) delete response.headers;
      else delete responses?.[status];
    }
  }
  return { openapi: version, info, servers, paths, components: { schemas, parameters, securitySchemes } };
}

/**
 * The validator looks at what a response says once, before its headers are sent. Here it gets one in the response's
 * stead that stays in that state, and so looks at any number of bodies.
 *
 * @param validateResponse the last of the validator's steps, which has it wait for the body of a response
 */
async function bodyCheck(
  validateResponse: RequestHandler | undefined,
  request: Request,
  { statusCode }: Response,
): Promise<BodyCheck> {
  let fault: unknown;
  const getHeaders = () => ({ 'content-type': 'application/json' });
  const untouched = (_body: unknown): void => {};
  const standIn = { statusCode, headersSent: false, getHeaders, json: untouched };
  await new Promise<void>((ready) => {
    // Called once the validator waits for a body, and again for each fault that it finds in one.
    const next = (error?: unknown): void => {
      fault = error;
      ready();
    };
    validateResponse?.(request, standIn as unknown as Response, next);
  });
  const { json } = standIn;
  if (json === untouched) throw new Error('the validator does not look at bodies');
  return (body) => {
    json(body);
    if (fault !== undefined) throw fault;
  };
}

/** What the validator throws, as the error that the contract has for it; anything else comes back as it is. */
export function toContractError(error: unknown): unknown {
  if (error instanceof validatorErrors.UnsupportedMediaType) {
    return new SignalboxError('unsupported_media_type', 'Send application/json.');
  }
  if (error instanceof validatorErrors.BadRequest) {
    const errors = error.errors.map(({ path, message }): Fault => {
      return { pointer: path.replace(/^\/params\//, '/path/'), message };
    });
    return new SignalboxError('bad_request', 'The request breaks the contract.', { errors });
  }
  return error;
}
