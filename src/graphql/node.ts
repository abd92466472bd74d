import { GraphQLError } from 'graphql';
import { type IdKind, kindOfId } from '../core/values/ids.ts';

/** The maximum number of ids in one `nodes` field. */
export const MAX_NODES = 100;

const TYPE_NAMES: Readonly<Record<IdKind, string>> = {
  ledger: 'Ledger',
  account: 'Account',
  transaction: 'Transaction',
  entry: 'Entry',
  hold: 'Hold',
  apiKey: 'ApiKey',
  actor: 'Actor',
  auditEvent: 'AuditEvent',
};

/** Returns the type of an id and the id itself. An invalid id counts as an account's, and is not found. */
export function decodeNodeId(id: string): { typename: string; id: string } {
  return { typename: TYPE_NAMES[kindOfId(id) ?? 'account'], id };
}

/** Returns the top-level error of an invalid argument of a query. */
export function invalidInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'INVALID_INPUT' } });
}
