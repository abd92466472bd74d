/** Another session keeps an account locked: only commands on this account wait. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, describe, expect, onTestFinished, type TestContext, test } from 'vitest';
import type { Command } from '../../../src/core/decide/command.ts';
import { toTransfer } from '../../../src/core/decide/request.ts';
import type { Refusal } from '../../../src/core/errors.ts';
import type { Outcome } from '../../../src/core/transaction.ts';
import { parseId } from '../../../src/core/values/ids.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { connect, createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { balance, expectSoundBooks, makeAccounts, openLedger } from '../../support/ledger.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));

const FREE = { minBalance: { unlimited: true } } as const;

/** Makes accounts. Another session keeps the first one locked until `letGo`. */
async function lockOne(
  count: number,
  context?: TestContext,
): Promise<{ readonly ids: string[]; letGo(): Promise<void> }> {
  const ids = await makeAccounts(ledger, count, FREE);
  const holder = await lock(ids[0] ?? '', context?.onTestFinished);
  return {
    ids,
    async letGo() {
      await holder.query('rollback');
      await holder.end();
    },
  };
}

async function lock(accountId: string, atEnd = onTestFinished): Promise<pg.Client> {
  const holder = await connect(database.ownerUrl, {}, atEnd);
  await holder.query('begin');
  await holder.query('select from accounts where id = $1 for update', [parseId('account', accountId)]);
  return holder;
}

function pay(from: string | undefined, to: string | undefined, more: object = {}): Command {
  const input = { fromAccountId: from ?? '', toAccountId: to ?? '', amount: '1.00' };
  const command: Command | Refusal = toTransfer({ ...input, idempotencyKey: randomUUID(), ...more });
  if ('code' in command) throw new TypeError(command.code);
  return command;
}

/** Whether the answer is still pending. */
async function isPending(answer: Promise<unknown>): Promise<boolean> {
  return (await Promise.race([answer, sleep(1, 'pending')])) === 'pending';
}

function codesOf(outcomes: readonly Outcome[]): string[] {
  return outcomes.map(({ code }) => code);
}

/** Returns the version of the first entry. */
function versionOf(outcome: Outcome): bigint {
  if (outcome.code !== 'POSTED') throw new TypeError(outcome.code);
  return outcome.transaction.entries[0]?.version ?? 0n;
}

test('commands on other accounts are posted without delay', async () => {
  const { ids, letGo } = await lockOne(22);
  const [locked, other] = ids;
  const waiting = [0, 1, 2, 3, 4, 5].map(() => ledger.post(pay(locked, other)));
  const run = { isOver: false };
  const paused: number[] = [];
  const others = Array.from({ length: 10 }, async (_, pair) => {
    let count = 0;
    for (let last = performance.now(); !run.isOver; count += 1) {
      const { code } = await ledger.post(pay(ids[2 + 2 * pair], ids[3 + 2 * pair]));
      expect(code).toBe('POSTED');
      paused.push(performance.now() - last);
      last = performance.now();
    }
    return count;
  });
  await sleep(3000);
  expect(await isPending(Promise.race(waiting))).toBe(true);
  run.isOver = true;
  const counts = await Promise.all(others);
  // Lanes do not wait for the locked account again and again.
  expect(Math.min(...counts)).toBeGreaterThan(10);
  expect(Math.max(...paused)).toBeLessThan(2000);
  await letGo();
  expect(codesOf(await Promise.all(waiting))).toEqual(Array(6).fill('POSTED'));
});

test('thousands of parked operations do not slow down commands on other accounts', {
  timeout: 60_000,
}, async () => {
  const { ids, letGo } = await lockOne(6);
  const [locked, payee] = ids;
  // Commands with an externalId reserve and release its name all the time.
  const payMany = async () => {
    const since = performance.now();
    const payers = Array.from({ length: 2 }, async (_, pair) => {
      for (let count = 0; count < 200; count += 1) {
        const payment = pay(ids[2 + 2 * pair], ids[3 + 2 * pair], { externalId: randomUUID() });
        expect(await ledger.post(payment)).toMatchObject({ code: 'POSTED' });
      }
    });
    await Promise.all(payers);
    return performance.now() - since;
  };
  const alone = Math.min(await payMany(), await payMany(), await payMany());
  const batches = Array.from({ length: 39 }, () =>
    ledger.postBatch(
      'INDEPENDENT',
      Array.from({ length: 500 }, () => pay(locked, payee)),
    ),
  );
  while (ledger.load.parked < 39 * 500) await sleep(10);
  let meanwhile = await payMany();
  // Another process may have slowed down the only one.
  if (meanwhile >= 2.5 * alone) meanwhile = await payMany();
  expect(meanwhile).toBeLessThan(2.5 * alone);
  await letGo();
  const answers = await Promise.all(batches);
  const outcomes = answers.flatMap((answer) => ('outcomes' in answer ? answer.outcomes : []));
  expect(outcomes).toHaveLength(39 * 500);
  expect(new Set(codesOf(outcomes))).toEqual(new Set(['POSTED']));
});

test('only commands on the accounts of a large ATOMIC batch wait for it', async () => {
  const [a, b, c, d, e] = await makeAccounts(ledger, 5, FREE);
  const order: string[] = [];
  const note = async <T>(name: string, answer: Promise<T>): Promise<T> => {
    const value = await answer;
    order.push(name);
    return value;
  };
  const batch = note(
    'batch',
    ledger.postBatch(
      'ATOMIC',
      Array.from({ length: 5000 }, () => pay(a, b)),
    ),
  );
  // The batch reserves its accounts as soon as it is planned.
  while (ledger.load.connections.batches.inUse === 0) await sleep(1);
  const named = note('named', ledger.post(pay(a, c)));
  await note('other', ledger.post(pay(d, e)));
  expect(await batch).toMatchObject({ code: 'PROCESSED' });
  expect(versionOf(await named)).toBe(5001n);
  expect(order).toEqual(['other', 'batch', 'named']);
});

test('repeated changes of the locked account do not delay reads and other commands', async () => {
  const { ids, letGo } = await lockOne(4);
  const [locked = '', a, b, c] = ids;
  const changes = Array.from({ length: 16 }, () =>
    ledger.changeAccount(locked, { kind: 'FREEZE', idempotencyKey: null }),
  );
  await sleep(100);
  const paused: number[] = [];
  const named = ledger.post(pay(locked, c));
  for (const end = performance.now() + 2500; performance.now() < end; ) {
    const since = performance.now();
    await balance(ledger, a ?? '');
    expect(await ledger.post(pay(a, b))).toMatchObject({ code: 'POSTED' });
    paused.push(performance.now() - since);
  }
  expect(Math.max(...paused)).toBeLessThan(2000);
  await letGo();
  expect((await named).code).toMatch(/^POSTED|ACCOUNT_FROZEN$/);
  expect(new Set((await Promise.all(changes)).map(({ code }) => code))).toContain('UPDATED');
});

/** Inserts an externalId in another session, which does not commit and locks nothing else. */
async function take(
  externalId: string,
  { onTestFinished }: TestContext,
  { ownerUrl }: TestDatabase = database,
): Promise<pg.Client> {
  const holder = await connect(ownerUrl, {}, onTestFinished);
  await holder.query('begin');
  // No block is appended without triggers.
  await holder.query('set local session_replication_role = replica');
  const row =
    '(id, ledger_id, type, entry_count, account_id, idempotency_key, request, external_id, outcome, created_at, digest)';
  await holder.query(
    `insert into transactions ${row}
     values (gen_random_uuid(), (select id from ledgers), 'TRANSFER', 2, gen_random_uuid(), 'k', $1, $2, 'POSTED', now(), $1)`,
    [Buffer.alloc(32), externalId],
  );
  return holder;
}

test('a command that waits for an externalId is not parked, and its neighbours are posted', async (context) => {
  const [a, b, c, d] = await makeAccounts(ledger, 4, FREE);
  const externalId = randomUUID();
  const holder = await take(externalId, context);
  const taker = ledger.post(pay(a, b, { externalId }));
  const neighbours = Array.from({ length: 20 }, () => ledger.post(pay(c, d)));
  const late = sleep(600).then(() => ledger.post(pay(d, c)));
  expect(codesOf(await Promise.all([...neighbours, late]))).toEqual(Array(21).fill('POSTED'));
  expect(await Promise.race([taker, sleep(1)])).toBeUndefined();
  await holder.query('rollback');
  expect(await taker).toMatchObject({ code: 'POSTED' });
});

// Most of each of these tests is waiting.
describe.concurrent('at the same time,', () => {
  test('parked commands keep their order of arrival, even if they also name other accounts', async (context) => {
    const { ids, letGo } = await lockOne(4, context);
    const [locked, payee, third, fourth] = ids;
    const answers: Promise<Outcome>[] = [];
    const send = async (from: string | undefined, to: string | undefined) => {
      answers.push(ledger.post(pay(from, to)));
      await sleep(60);
    };
    await send(locked, payee);
    await send(locked, payee);
    await send(locked, third);
    await send(locked, payee);
    const unrelated = await ledger.post(pay(third, fourth));
    expect(unrelated).toMatchObject({ code: 'POSTED' });
    await sleep(600);
    await send(locked, fourth);
    await send(locked, payee);
    expect(await isPending(Promise.race(answers))).toBe(true);
    await letGo();
    expect((await Promise.all(answers)).map(versionOf)).toEqual([1n, 2n, 3n, 4n, 5n, 6n]);
  });

  test('operations before the first one on the locked account are posted, and the later ones wait', async (context) => {
    const { ids, letGo } = await lockOne(6, context);
    const [locked, a, b, c, d, e] = ids;
    const batch = ledger.postBatch('INDEPENDENT', [
      pay(a, b),
      pay(b, c),
      pay(locked, c),
      pay(d, e),
      pay(e, a),
    ]);
    await sleep(1200);
    expect(await Promise.all([a, b, c, d, e].map((id) => balance(ledger, id ?? '')))).toEqual([
      -100n,
      0n,
      100n,
      0n,
      0n,
    ]);
    expect(await isPending(batch)).toBe(true);
    // Other commands do not wait for the parked operations, although they share accounts.
    expect(await ledger.post(pay(d, e))).toMatchObject({ code: 'POSTED' });
    await letGo();
    const answer = await batch;
    const outcomes = 'outcomes' in answer ? answer.outcomes : [];
    expect(codesOf(outcomes)).toEqual(Array(5).fill('POSTED'));
    const places = outcomes.map((outcome) => (outcome.code === 'POSTED' ? outcome.transaction.id : ''));
    expect(places).toEqual(places.toSorted());
  });

  test.for([5, 700])(
    'an ATOMIC batch of %i with the locked account waits as a whole',
    async (size, context) => {
      const { ids, letGo } = await lockOne(4, context);
      const [locked, a, b, c] = ids;
      const operations = Array.from({ length: size }, (_, place) =>
        place === 3 ? pay(locked, c) : pay(a, b),
      );
      const batch = ledger.postBatch('ATOMIC', operations);
      await sleep(1200);
      expect(await ledger.post(pay(a, c))).toMatchObject({ code: 'POSTED' });
      expect(await balance(ledger, b ?? '')).toBe(0n);
      await letGo();
      expect(await batch).toMatchObject({ code: 'PROCESSED' });
      expect(await balance(ledger, b ?? '')).toBe(BigInt(100 * (size - 1)));
    },
  );

  test('at most a thousand units wait for one account, each for ten seconds at most', {
    timeout: 40_000,
  }, async (context) => {
    const { ids, letGo } = await lockOne(3, context);
    const [locked, a, b] = ids;
    const first = pay(locked, a);
    const since = performance.now();
    const answers = [first, ...Array.from({ length: 1010 }, () => pay(locked, a))].map(async (command) => {
      const { code } = await ledger.post(command);
      return { code, milliseconds: performance.now() - since };
    });
    const batch = ledger.postBatch(
      'INDEPENDENT',
      Array.from({ length: 1200 }, (_, place) => pay(place === 700 ? locked : a, b)),
    );
    await sleep(2000);
    expect(await ledger.post(pay(a, b))).toMatchObject({ code: 'POSTED' });
    const all = await Promise.all(answers);
    expect(new Set(all.map(({ code }) => code))).toEqual(new Set(['OVERLOADED']));
    const early = all.filter(({ milliseconds }) => milliseconds < 9000);
    expect(early).toHaveLength(11);
    expect(Math.max(...all.map(({ milliseconds }) => milliseconds))).toBeLessThan(15_000);
    const answer = await batch;
    const outcomes = 'outcomes' in answer ? answer.outcomes : [];
    expect(codesOf(outcomes)).toEqual([...Array(700).fill('POSTED'), ...Array(500).fill('OVERLOADED')]);

    await letGo();
    // OVERLOADED means that nothing was done: the same key is a first attempt.
    expect(await ledger.post(first)).toMatchObject({ code: 'POSTED', replayed: false });
    expect(await balance(ledger, locked ?? '')).toBe(-100n);
  });

  test('a command whose externalId another session is about to take is UNAVAILABLE in the end, and can be repeated', async (context) => {
    // A lane waits for the externalId.
    const own = await createTestDatabase();
    const elsewhere = await openLedger(own);
    const [a, b] = await makeAccounts(elsewhere, 2, FREE);
    const externalId = randomUUID();
    const holder = await take(externalId, context, own);
    const command = pay(a, b, { externalId });
    expect(await elsewhere.post(command)).toMatchObject({ code: 'UNAVAILABLE' });
    await holder.query('rollback');
    expect(await elsewhere.post(command)).toMatchObject({ code: 'POSTED' });
    await expectSoundBooks(own);
  });

  test('two services handle the same locked account', async (context) => {
    const { ids, letGo } = await lockOne(4, context);
    const [locked, a, b, c] = ids;
    const elsewhere: Ledger = await openLedger(database);
    const waiting = [ledger, elsewhere].map((each) => each.post(pay(locked, a)));
    await sleep(700);
    expect(codesOf(await Promise.all([ledger, elsewhere].map((each) => each.post(pay(b, c)))))).toEqual([
      'POSTED',
      'POSTED',
    ]);
    expect(await isPending(Promise.race(waiting))).toBe(true);
    await letGo();
    expect(codesOf(await Promise.all(waiting))).toEqual(['POSTED', 'POSTED']);
  });
});
