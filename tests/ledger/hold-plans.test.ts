import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { toHold, toVoid } from '../../src/core/decide/request.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { asOwner, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger } from '../support/ledger.ts';
import { logPlans, plansOf } from '../support/plans.ts';

/** The number of open holds that no operation ends. */
const OTHERS = 2000;
/** So few that single index look-ups are the best plan in all cases. */
const ENDED = 5;

/**
 * The statements that write blocks are planned once per connection: in this test while the table of holds is empty, and again
 * after each ANALYZE.
 */
test.each([
  ['was never analyzed', { atFirst: 'select', later: 'select' }],
  ['was analyzed while it was empty', { atFirst: 'vacuum analyze holds', later: 'select' }],
  ['was analyzed as it is', { atFirst: 'select', later: 'vacuum analyze holds' }],
])('a batch that ends holds reads no other hold, if the table of holds %s', async (_, { atFirst, later }) => {
  const database = await createTestDatabase();
  afterAll(() => expectSoundBooks(database));
  await asOwner(database, 'alter table holds set (autovacuum_enabled = off)', atFirst);
  await logPlans(database);
  const ledger = await openLedger(database);
  const accounts = await makeAccounts(ledger, 2, { funds: '1000.00' });

  await post(ledger, placed(OTHERS, accounts));
  const names = Array.from({ length: ENDED }, () => randomUUID());
  await post(ledger, placed(ENDED, accounts, names));
  await asOwner(database, later);
  const ended = await heldRows(database, () => post(ledger, names.map(voided)));
  expect(ended).toBeLessThanOrEqual(4 * ENDED);

  const fresh = Array.from({ length: ENDED }, () => randomUUID());
  const placedAndEnded = await heldRows(database, () =>
    post(ledger, [...placed(ENDED, accounts, fresh), ...fresh.map(voided)]),
  );
  expect(placedAndEnded).toBeLessThanOrEqual(4 * ENDED);
  const open = await asOwner(database, `select from holds where status = 'OPEN'`);
  expect(open).toHaveLength(OTHERS);
});

/** Returns the number of rows of holds that all statements read. */
async function heldRows(database: TestDatabase, run: () => Promise<void>): Promise<number> {
  const plans = await plansOf(database, run);
  const scans = plans.flatMap((plan) => plan.scans).filter(({ table }) => table === 'holds');
  expect(scans.length).toBeGreaterThan(0);
  return scans.reduce((sum, { rows }) => sum + rows, 0);
}

async function post(ledger: Ledger, operations: Parameters<Ledger['postBatch']>[1]): Promise<void> {
  const answer = await ledger.postBatch('ATOMIC', operations);
  expect(answer.code).toBe('PROCESSED');
}

function placed(count: number, [from = '', to = '']: readonly string[], names: readonly string[] = []) {
  return Array.from({ length: count }, (_, place) =>
    toHold({
      fromAccountId: from,
      toAccountId: to,
      amount: '0.01',
      idempotencyKey: randomUUID(),
      externalId: names[place] ?? null,
    }),
  );
}

function voided(name: string) {
  return toVoid({ holdId: `ext:${name}`, idempotencyKey: randomUUID() });
}
