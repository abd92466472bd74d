import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import type { Command } from '../../src/core/decide/command.ts';
import { toTransfer } from '../../src/core/decide/request.ts';
import type { Refusal } from '../../src/core/errors.ts';
import type { Uuid } from '../../src/core/values/ids.ts';
import {
  formatJournalPlace,
  type JournalPlace,
  parseJournalPlace,
} from '../../src/core/values/journal-place.ts';
import type { BatchMode, Ledger } from '../../src/ledger/ledger.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, makeAccounts, openLedger } from '../support/ledger.ts';

const database = await createTestDatabase();
const services = [await openLedger(database), await openLedger(database)] as const;
const [one, other] = services;
afterAll(() => expectSoundBooks(database));

/** Follows the journal until `isOver` and the end are reached. `next` chooses the cursor of each page. */
async function follow(
  ledger: Ledger,
  start: JournalPlace | undefined,
  isOver: () => boolean,
  next: (end: JournalPlace) => JournalPlace | undefined = (end) => end,
): Promise<Uuid[]> {
  const seen: Uuid[] = [];
  let after = start;
  for (;;) {
    const wasOver = isOver();
    const page = await ledger.listJournal(after, 100);
    if (page === undefined) throw new TypeError('the journal has this place');
    expect(page.rows.length).toBeLessThanOrEqual(100);
    seen.push(...page.rows.map(({ transaction }) => transaction.id));
    after = next(page.end);
    if (page.hasMore) continue;
    if (wasOver) return seen;
    await sleep(2);
  }
}

/** Returns all posted transactions, by the number of their block and their place in it. */
async function postedByBlock(): Promise<Uuid[]> {
  const rows = await asOwner<{ id: Uuid }>(
    database,
    `select t.id from blocks b join transactions t on t.id between b.first_id and b.last_id and t.ledger_id = b.ledger_id
      where t.outcome = 'POSTED' order by b.number, t.id`,
  );
  return rows.map(({ id }) => id);
}

test('followers of the journal see each transaction once and in block order, while two services post', async () => {
  const ids = await makeAccounts(one, 12, { funds: '1000000' });
  const poor = await makeAccount(one);
  const transferOf = (amount: string, fromAccountId: string, toAccountId: string): Command | Refusal =>
    toTransfer({ fromAccountId, toAccountId, amount, idempotencyKey: randomUUID() });
  // Each load has two accounts of its own: transactions that wait for each other's locks would get their times in that order.
  const pay = (n: number) => transferOf('0.01', ids[n % 12] ?? '', ids[(n % 12) ^ 1] ?? '');
  const decline = (n: number) => transferOf('1', poor, ids[n % 12] ?? '');

  const before = await postedByBlock();
  const { head } = await one.state();
  let isOver = false;
  let pages = 0;
  const followers = [
    follow(one, undefined, () => isOver),
    follow(other, head.end, () => isOver),
    // Every few pages another process resumes from the cursor's text.
    follow(
      one,
      undefined,
      () => isOver,
      (end) => {
        pages += 1;
        return pages % 3 === 0 ? parseJournalPlace(formatJournalPlace(end)) : end;
      },
    ),
  ];

  const postSingly = async (ledger: Ledger, load: number) => {
    for (let round = 0; round < 300; round += 1) {
      const command = round % 3 === 0 ? decline(load) : pay(load);
      if (!('code' in command)) await ledger.post(command);
    }
  };
  const postBatches = async (ledger: Ledger, mode: BatchMode, size: number, load: number) => {
    for (let round = 0; round < 2; round += 1) {
      const operations = Array.from({ length: size }, (_, n) =>
        mode === 'INDEPENDENT' && n % 3 === 0 ? decline(load) : pay(load),
      );
      expect(await ledger.postBatch(mode, operations)).toMatchObject({ code: 'PROCESSED' });
    }
  };
  await Promise.all(
    services.flatMap((ledger, service) => [
      ...[0, 1].map((load) => postSingly(ledger, service * 6 + load * 2)),
      postBatches(ledger, 'ATOMIC', 3000, service * 6 + 4),
      postBatches(ledger, 'INDEPENDENT', 1200, service * 6 + 2),
    ]),
  );
  isOver = true;
  const [fromBeginning, fromNow, resumed] = await Promise.all(followers);

  const posted = await postedByBlock();
  expect(posted.length).toBeGreaterThan(16_000);
  expect(fromBeginning).toEqual(posted);
  expect(fromNow).toEqual(posted.slice(before.length));
  expect(resumed).toEqual(posted);
  // The order by createdAt differs: some transactions were committed late.
  expect(posted.toSorted()).not.toEqual(posted);
}, 60_000);
