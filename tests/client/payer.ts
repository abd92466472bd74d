/**
 * A program that pays once under an intent, for tests that kill it:
 * `payer.ts URL STORE INTENT FROM TO`. It prints when its key is kept, and what the answer is; then it waits to be killed.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createLedgerClient, type KeyStore } from '../../src/client/index.ts';

const [url = '', folder = '', intent = '', fromAccountId = '', toAccountId = ''] = process.argv.slice(2);

const fileOf = (name: string) => join(folder, encodeURIComponent(name));
/** Texts in files, each of which is there as a whole or not at all. */
const keyStore: KeyStore = {
  getItem(name) {
    try {
      return readFileSync(fileOf(name), 'utf8');
    } catch {
      return null;
    }
  },
  setItem(name, value) {
    const file = openSync(`${fileOf(name)}.new`, 'w');
    writeSync(file, value);
    fsyncSync(file);
    closeSync(file);
    renameSync(`${fileOf(name)}.new`, fileOf(name));
    console.log('kept');
  },
  removeItem: (name) => rmSync(fileOf(name), { force: true }),
};

const ledger = createLedgerClient({ url, keyStore });
const result = await ledger.transfer({ fromAccountId, toAccountId, amount: '1' }, { intent });
console.log(result.__typename, 'replayed' in result && result.replayed ? 'again' : 'first');
setInterval(() => {}, 1000);
