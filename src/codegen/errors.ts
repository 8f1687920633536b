import type { Contract } from './contract.ts';
import { objectAt } from './documents.ts';
import { banner, literal, propertyName, quote } from './write.ts';

/** Writes `errors.ts`: every error code with its HTTP status, and whether to try again. */
export function writeErrors({ openapi }: Contract): string {
  const table = objectAt(openapi.root, 'components', 'schemas', 'ErrorCode', 'x-errors');
  return `${banner}/** What went wrong, for programs. REST and WebSocket share the one list. */
export type ErrorCode =
${Object.keys(table)
  .map((code) => `  | ${quote(code)}`)
  .join('\n')};

/** What the contract says of an error. */
export interface ErrorRule {
  /** The kind of problem in a few words. */
  readonly title: string;
  /** The HTTP status; a code without one is for sockets alone. */
  readonly status?: number;
  /** Whether sockets send it in an \`error\` frame. */
  readonly socket: boolean;
  /** Whether the same request can succeed later. */
  readonly retryable: boolean;
}

/** The errors, by code. */
export const errors: { readonly [Code in ErrorCode]: ErrorRule } = {
${Object.entries(table)
  .map(
    ([code, rule]) =>
      `  ${propertyName(code)}: ${literal({ socket: false, retryable: false, ...objectAt(rule) })},`,
  )
  .join('\n')}
};
`;
}
