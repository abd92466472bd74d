/**
 * A program that makes three payments at once, each under its own intent, for tests that kill it:
 * `payer.ts URL STORE MODE FROM TO INTENT INTENT INTENT`. It prints `kept` when the keys are stored and `paid` when all payments
 * have results. Then it waits to be killed. LEDGER_API_KEY: its key. LEDGER_TOKEN and LEDGER_OWNER: its
 * token instead.
 */
import { fileStore } from '../../src/client/file-store.ts';
import { createLedgerClient, type KeyStore, unwrap } from '../../src/client/index.ts';

const [url = '', folder = '', mode = '', fromAccountId = '', toAccountId = '', ...intents] =
  process.argv.slice(2);

const files = fileStore(folder);
const keeping = intents.map(() => Promise.withResolvers<void>());
let kept = 0;
const keyStore: KeyStore = {
  ...files,
  async addItem(name, value) {
    const isKept = await files.addItem(name, value);
    keeping[kept]?.resolve();
    kept += 1;
    // All payments continue together, so that they can share a request.
    await Promise.all(keeping.map(({ promise }) => promise));
    if (name.endsWith(intents[0] ?? '')) console.log('kept');
    return isKept;
  },
};

const { LEDGER_API_KEY, LEDGER_TOKEN, LEDGER_OWNER = null } = process.env;
const key =
  LEDGER_TOKEN !== undefined
    ? { token: () => LEDGER_TOKEN, owner: LEDGER_OWNER, ledger: 'main' }
    : LEDGER_API_KEY === undefined
      ? {}
      : { apiKey: LEDGER_API_KEY, ledger: 'main' };
const ledger = createLedgerClient({ url, keyStore, coalesce: mode === 'coalescing', ...key });
const payments = intents.map(async (intent) =>
  unwrap(await ledger.transfer({ fromAccountId, toAccountId, amount: '1' }, { intent })),
);
await Promise.all(payments);
console.log('paid');
setInterval(() => {}, 1000);
