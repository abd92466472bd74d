/**
 * A program that reads intents, one per line, and pays under each, while another process does the same:
 * `rival.ts URL STORE MODE FROM TO`. It prints each result, and ends when its input ends.
 */
import { createInterface } from 'node:readline';
import { fileStore } from '../../src/client/file-store.ts';
import { createLedgerClient } from '../../src/client/index.ts';

const [url = '', folder = '', mode = '', fromAccountId = '', toAccountId = ''] = process.argv.slice(2);
const ledger = createLedgerClient({ url, keyStore: fileStore(folder), coalesce: mode === 'coalescing' });

for await (const intent of createInterface({ input: process.stdin })) {
  const result = await ledger.transfer({ fromAccountId, toAccountId, amount: '1' }, { intent });
  if (result.__typename !== 'TransactionPosted') throw new Error(result.message);
  console.log(JSON.stringify({ id: result.transaction.id, replayed: result.replayed }));
}
