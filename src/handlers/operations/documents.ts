import asyncapi from '../../../generated/asyncapi.json' with { type: 'json' };
import openapi from '../../../generated/openapi.json' with { type: 'json' };
import type { OperationHandlersOf } from '../../../generated/operations.ts';
import type { Caller } from './caller.ts';

/** The contract itself. */
export const documentOperations = {
  getOpenapi: () => openapi,
  getAsyncapi: () => asyncapi,
} satisfies OperationHandlersOf<'documents', Caller>;
