import type { GraphQLError } from 'graphql';

/** The code of errors that GraphQL itself raises without one, such as a variable of a wrong type: the request is invalid. */
const DEFAULT_CODE = 'INVALID_INPUT';

/** Returns the `extensions.code` that callers, the log and the metrics receive for an error. */
export function codeOf({ extensions: { code } }: GraphQLError): string {
  return typeof code === 'string' ? code : DEFAULT_CODE;
}
