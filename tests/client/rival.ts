/**
 * A program that pays under each intent that it reads, a line each, while another one does the same:
 * `rival.ts URL STORE FROM TO`. It prints what each answer is, and ends with its input.
 */
import { createInterface } from 'node:readline';
import { fileStore } from '../../src/client/file-store.ts';
import { createLedgerClient } from '../../src/client/index.ts';

const [url = '', folder = '', fromAccountId = '', toAccountId = ''] = process.argv.slice(2);
const ledger = createLedgerClient({ url, keyStore: fileStore(folder) });

for await (const intent of createInterface({ input: process.stdin })) {
  const result = await ledger.transfer({ fromAccountId, toAccountId, amount: '1' }, { intent });
  if (result.__typename !== 'TransactionPosted') throw new Error(result.message);
  console.log(JSON.stringify({ id: result.transaction.id, replayed: result.replayed }));
}
