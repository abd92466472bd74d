/** A busy, full or blocked ledger leaves the other ledgers of its engine their share. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { toTransfer } from '../../../src/core/decide/request.ts';
import type { Outcome } from '../../../src/core/transaction.ts';
import { parseId } from '../../../src/core/values/ids.ts';
import type { Ledger, LedgerOptions } from '../../../src/ledger/ledger.ts';
import { connect, createTestDatabase } from '../../support/database.ts';
import {
  commandOf,
  deposit,
  expectPosted,
  expectSoundBooks,
  makeAccount,
  makeAccounts,
  makeLedgers,
  openLedger,
  transfer,
} from '../../support/ledger.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

/** Opens an engine of its own with two new ledgers. */
async function openTwo(options: Partial<LedgerOptions> = {}): Promise<readonly [Ledger, Ledger]> {
  const { engine } = await openLedger(database, options);
  const tag = randomUUID();
  const [busy, quiet] = await makeLedgers(engine, [`busy-${tag}`, `quiet-${tag}`]);
  if (busy === undefined || quiet === undefined) throw new TypeError('two ledgers were made');
  return [busy, quiet];
}

/** Locks a ledger's row, which each of its batches needs. Returns the function that releases it. */
async function block({ id }: Ledger): Promise<() => Promise<unknown>> {
  const holder = await connect(database.ownerUrl);
  await holder.query('begin');
  await holder.query('select from ledgers where id = $1 for update', [id]);
  return () => holder.query('commit');
}

const pays = (count: number, from: string, to: string) =>
  Array.from({ length: count }, () =>
    commandOf(
      toTransfer({
        fromAccountId: from,
        toAccountId: to,
        amount: '0.01',
        idempotencyKey: randomUUID(),
      }),
    ),
  );

describe('a ledger with 10,000 queued commands delays a command of another ledger', () => {
  test.each([1, 2])('by a few batches with %i lanes', async (lanes) => {
    const [busy, quiet] = await openTwo({ lanes, maxBatch: 100 });
    const [from = '', to = ''] = await makeAccounts(busy, 2, { minBalance: { unlimited: true } });
    const account = await makeAccount(quiet);
    const batches: string[] = [];
    busy.observe(({ ledgerId }) => batches.push(ledgerId));
    const queued = pays(10_000, from, to).map((command) => busy.post(command));
    // The lanes have begun.
    while (batches.length < 2) await sleep(1);
    expect(busy.load.queued).toBeGreaterThan(8000);

    const before = batches.length;
    expectPosted(await deposit(quiet, { accountId: account, amount: '1.00' }));
    const meanwhile = batches.slice(before).filter((id) => id === busy.id);
    expect(meanwhile.length).toBeLessThanOrEqual(2 * lanes + 1);
    expect(busy.load.queued).toBeGreaterThan(5000);
    expect((await Promise.all(queued)).every(({ code }) => code === 'POSTED')).toBe(true);
    // Otherwise the limit above shows nothing.
    expect(batches.length).toBeGreaterThanOrEqual(100);
  });

  test('by a few batches of a large INDEPENDENT batch', async () => {
    const [busy, quiet] = await openTwo({ lanes: 1 });
    const [from = '', to = ''] = await makeAccounts(busy, 2, { minBalance: { unlimited: true } });
    const accounts = await makeAccounts(quiet, 2, { minBalance: { unlimited: true } });
    const batches: string[] = [];
    busy.observe(({ ledgerId }) => batches.push(ledgerId));
    const many = Promise.all([1, 2, 3].map(() => busy.postBatch('INDEPENDENT', pays(4000, from, to))));
    while (batches.length < 2) await sleep(1);
    const before = batches.length;
    const answer = await quiet.postBatch('INDEPENDENT', pays(501, accounts[0] ?? '', accounts[1] ?? ''));
    expect(answer).toMatchObject({ code: 'PROCESSED' });
    // Without turns, nearly all of the 24 batches of the other ledger would come first.
    expect(batches.slice(before).filter((id) => id === busy.id).length).toBeLessThanOrEqual(12);
    expect((await many).map(({ code }) => code)).toEqual(Array(3).fill('PROCESSED'));
    expect(batches.length).toBeGreaterThanOrEqual(24);
  });
});

describe('a ledger that has filled the queue', () => {
  test('is OVERLOADED, and another one has half of the limit', async () => {
    const [busy, quiet] = await openTwo({ lanes: 2, maxBatch: 10, maxQueue: 100 });
    const [from = '', to = ''] = await makeAccounts(busy, 2, { minBalance: { unlimited: true } });
    const accounts = await makeAccounts(quiet, 2, { minBalance: { unlimited: true } });
    const releases = [await block(busy), await block(quiet)];
    const posting: Promise<Outcome>[] = [];
    /** Posts until so many commands of all ledgers are queued. */
    const fill = async (ledger: Ledger, [payer = '', payee = '']: readonly string[], until: number) => {
      while (ledger.load.queued < until) {
        const missing = until - ledger.load.queued;
        posting.push(...pays(missing, payer, payee).map((command) => ledger.post(command)));
        // The lanes take a batch.
        await sleep(50);
      }
      const [command] = pays(1, payer, payee);
      if (command !== undefined) expect(await ledger.post(command)).toMatchObject({ code: 'OVERLOADED' });
      expect(ledger.hasRoomFor(1)).toBe(false);
    };
    await fill(busy, [from, to], 100);
    expect(quiet.hasRoomFor(50)).toBe(true);
    await fill(quiet, accounts, 150);
    for (const release of releases) await release();
    for (const outcome of await Promise.all(posting)) expectPosted(outcome);
    expect(busy.load.queued).toBe(0);
  });

  test('with reserved places leaves another one its share of places', async () => {
    const [busy, quiet] = await openTwo({ maxQueue: 1000 });
    const reserve = (ledger: Ledger, operations: number) => {
      const places = ledger.reserve('INDEPENDENT', operations);
      return 'code' in places ? undefined : places;
    };
    // Short ones, then large ones: up to 20,000 of these are posted at the same time.
    for (const [size, all] of [
      [100, 1000],
      [7000, 21_000],
    ] as const) {
      const held = Array.from({ length: all / size }, () => reserve(busy, size));
      expect(held).not.toContain(undefined);
      expect(reserve(busy, size)).toBeUndefined();
      const own = reserve(quiet, size);
      expect(own).toBeDefined();
      for (const places of [...held, own]) places?.release();
      const again = reserve(busy, size);
      expect(again).toBeDefined();
      again?.release();
    }
  });
});

describe('while the batches of a ledger are stuck,', () => {
  test('another ledger posts the same externalId and key, and names the accounts of the first one', async () => {
    const [busy, quiet] = await openTwo();
    const [from = '', to = ''] = await makeAccounts(busy, 2, { funds: '100.00' });
    const [payer = '', payee = ''] = await makeAccounts(quiet, 2, { funds: '100.00' });
    const release = await block(busy);
    const names = { amount: '1.00', externalId: 'order 1', idempotencyKey: 'key 1' };
    const stuck = [
      transfer(busy, { fromAccountId: from, toAccountId: to, ...names }),
      transfer(busy, { fromAccountId: from, toAccountId: to, amount: '2.00' }),
    ];
    await sleep(150);
    expect(busy.load.busyLanes).toBeGreaterThan(0);

    expectPosted(await transfer(quiet, { fromAccountId: payer, toAccountId: payee, ...names }));
    expect(await transfer(quiet, { fromAccountId: payer, toAccountId: from, amount: '1.00' })).toMatchObject({
      code: 'ACCOUNT_NOT_FOUND',
    });
    expect(await Promise.race([...stuck, 'still waiting'])).toBe('still waiting');
    await release();
    for (const outcome of await Promise.all(stuck)) expectPosted(outcome);
  });

  test('a locked account parks only the commands of its own ledger', async () => {
    const [busy, quiet] = await openTwo();
    const [from = '', to = ''] = await makeAccounts(busy, 2, { funds: '100.00' });
    const [payer = ''] = await makeAccounts(quiet, 1, { funds: '100.00' });
    const holder = await connect(database.ownerUrl);
    await holder.query('begin');
    await holder.query('select from accounts where id = $1 for update', [parseId('account', from)]);
    const parked = transfer(busy, { fromAccountId: from, toAccountId: to, amount: '1.00' });
    while (busy.load.parked === 0) await sleep(10);

    expect(await transfer(quiet, { fromAccountId: payer, toAccountId: from, amount: '1.00' })).toMatchObject({
      code: 'ACCOUNT_NOT_FOUND',
    });
    expect(busy.load.parked).toBe(1);
    await holder.query('commit');
    expectPosted(await parked);
  });
});
