/**
 * A program that pays once under an intent, for tests that kill it:
 * `payer.ts URL STORE INTENT FROM TO`. It prints when its key is kept, and what the answer is; then it waits to be killed.
 */
import { fileStore } from '../../src/client/file-store.ts';
import { createLedgerClient, type KeyStore } from '../../src/client/index.ts';

const [url = '', folder = '', intent = '', fromAccountId = '', toAccountId = ''] = process.argv.slice(2);

const files = fileStore(folder);
const keyStore: KeyStore = {
  ...files,
  async addItem(name, value) {
    const isKept = await files.addItem(name, value);
    console.log('kept');
    return isKept;
  },
};

const ledger = createLedgerClient({ url, keyStore });
const result = await ledger.transfer({ fromAccountId, toAccountId, amount: '1' }, { intent });
console.log(result.__typename, 'replayed' in result && result.replayed ? 'again' : 'first');
setInterval(() => {}, 1000);
