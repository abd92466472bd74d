import { GraphQLError } from 'graphql';
import { type IdKind, kindOfId } from '../core/values/ids.ts';

/** How many nodes one field answers at most. */
export const MAX_NODES = 100;

const TYPE_NAMES: Readonly<Record<IdKind, string>> = {
  ledger: 'Ledger',
  account: 'Account',
  transaction: 'Transaction',
  entry: 'Entry',
  hold: 'Hold',
};

/** The type of what an id names, and the id. What is no id of ours is looked for among the accounts, and not found. */
export function decodeNodeId(id: string): { typename: string; id: string } {
  return { typename: TYPE_NAMES[kindOfId(id) ?? 'account'], id };
}

/** A top-level error that names what is wrong with an argument of a query. */
export function invalidInput(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'INVALID_INPUT' } });
}
