import { parse } from 'graphql';
import { TransferDocument } from '../../../src/client/generated.ts';
import { checkCost } from '../../../src/graphql/protection/cost.ts';
import { schema } from '../../../src/graphql/schema.ts';

/** Returns the cost of a transfer of the client. */
export function transferCost(): number {
  const input = { fromAccountId: 'a', toAccountId: 'b', amount: '1.00', idempotencyKey: 'k' };
  const options = { bodyBytes: 3000, hideSuggestions: false };
  const { cost, errors } = checkCost(schema, parse(TransferDocument), null, { input }, options);
  if (cost === undefined || errors.length > 0) throw new TypeError('the transfer is valid');
  return cost;
}
