import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript';
import type { JsonObject } from './documents.ts';

/** TypeScript for the components, and for the paths where there are any, of a document; one style for both. */
export async function writeTypes(document: JsonObject): Promise<string> {
  const nodes = await openapiTS(structuredClone(document) as unknown as OpenAPI3, {
    alphabetize: false,
    rootTypes: true,
    rootTypesNoSchemaPrefix: true,
    silent: true,
  });
  // What a document does not have (paths, say) comes out as an empty type, which tells nobody anything.
  return astToString(nodes).replaceAll(/^export type \$?\w+ = Record<string, never>;\n/gm, '');
}
