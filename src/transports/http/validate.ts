import type { RequestHandler } from 'express';
import { middleware, error as validatorErrors } from 'express-openapi-validator';
import openapi from '../../../generated/openapi.json' with { type: 'json' };
import { type Fault, SignalboxError } from '../../rooms/errors.ts';

interface Operation {
  readonly responses?: Record<string, { headers?: unknown }>;
}

/**
 * Checks requests and the JSON bodies of responses against the OpenAPI document. It stands behind the body
 * parser. A response that breaks the contract is a fault of the server, and becomes `internal`.
 */
export function validateByContract(): RequestHandler[] {
  return middleware({
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
