import { randomInt } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { createLedgerClient } from '../../src/client/index.ts';
import { parseId } from '../../src/core/values/ids.ts';
import { serve } from '../graphql/api.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger } from '../support/ledger.ts';
import { type Cut, startCutProxy } from './cut-proxy.ts';
import { MODES } from './modes.ts';

const database = await createTestDatabase();
const books = await openLedger(database);
const { server } = await serve(books);
afterAll(() => expectSoundBooks(database));

test.concurrent.each(MODES)(
  'connections of a $mode client that are cut 200 times before, during and after the response cause one deposit per call',
  async ({ coalesce }) => {
    const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
    console.log(`cuts of seed ${seed}; again by SEED=${seed}`);
    const cuts: readonly Cut[] = ['before', 'after the request', 'during the response'];
    let state = seed;
    let made = 0;
    const proxy = await startCutProxy(server.url, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      // Half of the requests are forwarded whole.
      const cut = made >= 200 || (state >>> 16) % 2 === 0 ? undefined : cuts[(state >>> 20) % 3];
      if (cut !== undefined) made += 1;
      return cut ?? 'never';
    });
    // Payers of one client share requests, and those of several do not, so that connections are cut often enough. One of some ten
    // thousand requests is cut in each of its first 14 attempts, which is as many as fit into 30 seconds.
    const clients = Array.from({ length: 8 }, () =>
      createLedgerClient({ url: proxy.url, coalesce, deadlineMs: 100_000 }),
    );
    const accountIds = await makeAccounts(books, 24);
    let posted = 0;
    const keepPaying = async (accountId: string, index: number) => {
      while (made < 200) {
        const answer = await clients[index % 8]?.deposit({ accountId, amount: '0.01' });
        expect(answer?.__typename).toBe('TransactionPosted');
        posted += 1;
      }
    };
    await Promise.all(accountIds.map(keepPaying));
    await proxy.close();
    const [row] = await asOwner<{ count: number }>(
      database,
      `select count(*)::int as count from entries where type = 'DEPOSIT' and account_id = any('{${accountIds.map((id) => parseId('account', id))}}')`,
    );
    expect(row?.count).toBe(posted);
  },
  120_000,
);
