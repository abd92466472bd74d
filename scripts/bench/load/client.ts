import { randomUUID } from 'node:crypto';
import { createLedgerClient } from '../../../src/client/index.ts';
import { parseId } from '../../../src/core/values/ids.ts';
import type { Acknowledged } from '../stage.ts';
import type { Pair } from '../workload.ts';

/** Returns a function that posts the next transfer with the SDK. All calls share one client. */
export function createClientTransfer(url: string, pick: () => Pair): () => Promise<Acknowledged> {
  const ledger = createLedgerClient({ url });
  return async () => {
    const { from, to } = pick();
    const key = randomUUID();
    const result = await ledger.transfer({
      fromAccountId: from,
      toAccountId: to,
      amount: '0.01',
      idempotencyKey: key,
    });
    // The SDK repeats a request whose response was lost. Then the result is a replay of the transfer's own outcome.
    const id =
      result.__typename === 'TransactionPosted' ? parseId('transaction', result.transaction.id) : undefined;
    if (id === undefined) throw new Error(`not posted: ${JSON.stringify(result)}`);
    return { key, id };
  };
}
