import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import type { Command } from '../../../src/core/decide/command.ts';
import {
  toCapture,
  toDeposit,
  toHold,
  toReversal,
  toTransfer,
  toVoid,
} from '../../../src/core/decide/request.ts';
import type { Refusal } from '../../../src/core/errors.ts';
import type { BatchProcessed, Outcome } from '../../../src/core/transaction.ts';
import { formatId, parseId } from '../../../src/core/values/ids.ts';
import type { BatchMode, Operation } from '../../../src/ledger/ledger.ts';
import { asOwner, connect, createTestDatabase } from '../../support/database.ts';
import {
  balance,
  deposit,
  expectPosted,
  expectSoundBooks,
  makeAccounts,
  openLedger,
  transfer,
} from '../../support/ledger.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const elsewhere = await openLedger(database);
afterAll(() => expectSoundBooks(database));

const newKey = () => ({ idempotencyKey: randomUUID() });

async function outcomesOf(mode: BatchMode, operations: readonly Operation[]): Promise<readonly Outcome[]> {
  const answer = await ledger.postBatch(mode, operations);
  expect(answer).toMatchObject({ code: 'PROCESSED' });
  return (answer as BatchProcessed).outcomes;
}
const codesOf = async (mode: BatchMode, operations: readonly Operation[]) =>
  (await outcomesOf(mode, operations)).map(({ code }) => code);

async function recordedKeys(account: string): Promise<number> {
  const [row] = await asOwner<{ count: number }>(
    database,
    `select count(*)::int as count from transactions where account_id = '${parseId('account', account)}'`,
  );
  return row?.count ?? 0;
}

/** Makes accounts with 10.00 each, and a function for transfers between them. */
async function setUp() {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  const pay = (amount: string, more: object = {}) =>
    toTransfer({ fromAccountId: from, toAccountId: to, amount, ...newKey(), ...more });
  return { from, to, pay };
}

describe.each<BatchMode>(['INDEPENDENT', 'ATOMIC'])('%s operations', (mode) => {
  test('are posted in order, and later ones see the effects of earlier ones', async () => {
    const { from, to, pay } = await setUp();
    const codes = await codesOf(mode, [
      pay('10.00'),
      toTransfer({ fromAccountId: to, toAccountId: from, amount: '20.00', ...newKey() }),
      toDeposit({ accountId: to, amount: '1.00', ...newKey() }),
    ]);
    expect(codes).toEqual(['POSTED', 'POSTED', 'POSTED']);
    expect(await balance(ledger, from)).toBe(2000n);
    expect(await balance(ledger, to)).toBe(100n);
  });

  test('can refer to earlier ones of the batch by their externalIds', async () => {
    const { from, to, pay } = await setUp();
    const [held, paid] = [randomUUID(), randomUUID()];
    const operations = [
      toHold({ fromAccountId: from, toAccountId: to, amount: '4.00', externalId: held, ...newKey() }),
      toCapture({ holdId: `ext:${held}`, amount: '1.00', final: false, ...newKey() }),
      toVoid({ holdId: `ext:${held}`, ...newKey() }),
      pay('5.00', { externalId: paid }),
      toReversal({ transactionId: `ext:${paid}`, amount: '2.00', ...newKey() }),
    ];
    const first = await outcomesOf(mode, operations);
    expect(first.map(({ code }) => code)).toEqual(['POSTED', 'POSTED', 'POSTED', 'POSTED', 'POSTED']);
    expect(await balance(ledger, from)).toBe(600n);

    const again = await outcomesOf(mode, operations);
    expect(again).toMatchObject(
      first.map((outcome) => ({
        code: 'POSTED',
        replayed: true,
        transaction: { id: outcome.code === 'POSTED' ? outcome.transaction.id : '' },
      })),
    );
    expect(await balance(ledger, from)).toBe(600n);
  });

  test('of a batch of ten thousand are each posted once', async () => {
    const { from, to, pay } = await setUp();
    const operations = Array.from({ length: 10_000 }, () => pay('0.01'));
    operations[0] = toDeposit({ accountId: from, amount: '100.00', ...newKey() });
    const codes = await codesOf(mode, operations);
    expect(codes.filter((code) => code === 'POSTED')).toHaveLength(10_000);
    expect(await balance(ledger, to)).toBe(1000n + 9999n);
  }, 60_000);

  test.each([
    ['none', 0, 'must have 1 to 10000 elements, but has 0'],
    ['10,001', 10_001, 'must have 1 to 10000 elements, but has 10001'],
  ])('of a batch of %s are rejected', async (_, count, problem) => {
    const { pay } = await setUp();
    expect(
      await ledger.postBatch(
        mode,
        Array.from({ length: count }, () => pay('1.00')),
      ),
    ).toMatchObject({
      code: 'INVALID_INPUT',
      facts: { field: 'operations', problem },
    });
  });

  test('with too many conditions are rejected', async () => {
    const { to, pay } = await setUp();
    const conditions = Array.from({ length: 99 }, () => ({ accountId: to, balanceAtLeast: '0' }));
    expect(
      await ledger.postBatch(
        mode,
        Array.from({ length: 200 }, () => pay('0.01', { conditions })),
      ),
    ).toMatchObject({ code: 'INVALID_INPUT', facts: { field: 'operations' } });
  });
});

describe('INDEPENDENT operations', () => {
  test('are independent of each other, even with the same key twice', async () => {
    const { from, pay } = await setUp();
    const attempt = newKey();
    const outcomes = await outcomesOf('INDEPENDENT', [
      pay('1.00', attempt),
      pay('1.00', attempt),
      pay('2.00', attempt),
      pay('-1'),
      pay('100.00'),
      pay('1.00'),
    ]);
    expect(outcomes.map(({ code }) => code)).toEqual([
      'POSTED',
      'POSTED',
      'IDEMPOTENCY_CONFLICT',
      'INVALID_AMOUNT',
      'INSUFFICIENT_FUNDS',
      'POSTED',
    ]);
    expect(outcomes.map((outcome) => outcome.replayed)).toEqual([false, true, false, false, false, false]);
    expect(await balance(ledger, from)).toBe(800n);
  });
});

describe('ATOMIC operations', () => {
  test('record only the refusal of the rejected operation', async () => {
    const { from, pay } = await setUp();
    const [first, culprit, last] = [pay('4.00'), pay('7.00'), pay('1.00')];
    const before = await recordedKeys(from);

    expect(await ledger.postBatch('ATOMIC', [first, culprit, last])).toMatchObject({
      code: 'BATCH_ABORTED',
      facts: {
        index: 1,
        cause: {
          code: 'INSUFFICIENT_FUNDS',
          facts: { available: { minor: 600n }, requested: { minor: 700n } },
        },
      },
    });

    expect(await balance(ledger, from)).toBe(1000n);
    expect(await recordedKeys(from)).toBe(before + 1);
    // The rejected operation's key always returns the same refusal; the other keys are unused.
    expect(await ledger.postBatch('ATOMIC', [first, culprit, last])).toMatchObject({
      facts: { index: 1, cause: { code: 'INSUFFICIENT_FUNDS', replayed: true } },
    });
    expect(await codesOf('ATOMIC', [first, last])).toEqual(['POSTED', 'POSTED']);
  });

  test('are rejected for a malformed operation before anything is read', async () => {
    const { from, pay } = await setUp();
    expect(await ledger.postBatch('ATOMIC', [pay('4.00'), pay('100.00'), pay('x')])).toMatchObject({
      facts: { index: 2, cause: { code: 'INVALID_AMOUNT' } },
    });
    expect(
      await ledger.postBatch('ATOMIC', [pay('4.00'), toVoid({ holdId: 'ext:none', ...newKey() })]),
    ).toMatchObject({ facts: { index: 1, cause: { code: 'HOLD_NOT_FOUND' } } });
    expect(await balance(ledger, from)).toBe(1000n);
  });

  test('count keys that were posted before as done', async () => {
    const { from, to, pay } = await setUp();
    const attempt = newKey();
    const posted = await transfer(ledger, {
      fromAccountId: from,
      toAccountId: to,
      amount: '4.00',
      ...attempt,
    });
    expectPosted(posted);
    const outcomes = await outcomesOf('ATOMIC', [pay('4.00', attempt), pay('6.00')]);
    expect(outcomes).toMatchObject([
      { ...posted, replayed: true },
      { code: 'POSTED', replayed: false },
    ]);
    expect(await balance(ledger, from)).toBe(0n);
  });

  test('show no link to transactions that were discarded with the batch', async () => {
    const { from, to, pay } = await setUp();
    const externalId = randomUUID();
    const [attempt, held] = [newKey(), randomUUID()];
    expect(
      await ledger.postBatch('ATOMIC', [pay('1.00', { externalId }), pay('2.00', { externalId })]),
    ).toMatchObject({
      facts: { index: 1, cause: { code: 'EXTERNAL_ID_TAKEN', facts: { takenBy: null } } },
    });
    expect(await ledger.postBatch('ATOMIC', [pay('1.00', attempt), pay('2.00', attempt)])).toMatchObject({
      facts: {
        index: 1,
        cause: { code: 'IDEMPOTENCY_CONFLICT', facts: { differingFields: ['amount'], transaction: null } },
      },
    });
    const hold = toHold({
      fromAccountId: from,
      toAccountId: to,
      amount: '4.00',
      externalId: held,
      ...newKey(),
    });
    const end = () => toVoid({ holdId: `ext:${held}`, ...newKey() });
    expect(await ledger.postBatch('ATOMIC', [hold, end(), end()])).toMatchObject({
      facts: { index: 2, cause: { code: 'HOLD_NOT_FOUND' } },
    });
    expect(await ledger.outcomeByKey(from, attempt.idempotencyKey)).toBeUndefined();
    expect(await balance(ledger, from)).toBe(1000n);
  });

  test('are aborted by the used key of an operation that refers to an earlier one', async () => {
    const { from, to, pay } = await setUp();
    const used = newKey();
    expectPosted(await transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '1.00', ...used }));
    const hold = () =>
      toHold({ fromAccountId: from, toAccountId: to, amount: '2.00', externalId: randomUUID(), ...newKey() });
    const capture = (held: Command | Refusal, more: object) =>
      toCapture({ holdId: `ext:${'code' in held ? '' : held.externalId}`, ...newKey(), ...more });
    const [first, second] = [hold(), hold()];
    expect(await ledger.postBatch('ATOMIC', [first, capture(first, used)])).toMatchObject({
      code: 'BATCH_ABORTED',
      facts: { index: 1, cause: { code: 'IDEMPOTENCY_CONFLICT', facts: { differingFields: ['type'] } } },
    });

    // All keys are checked before any operation is decided.
    const captured = newKey();
    expect(await codesOf('ATOMIC', [first, capture(first, captured)])).toEqual(['POSTED', 'POSTED']);
    expect(
      await ledger.postBatch('ATOMIC', [pay('999.00'), second, capture(second, captured)]),
    ).toMatchObject({
      facts: { index: 2, cause: { code: 'IDEMPOTENCY_CONFLICT', facts: { differingFields: ['holdId'] } } },
    });
  });

  test('are aborted by the taken externalId of an operation that refers to an earlier one', async () => {
    const { from, to, pay } = await setUp();
    const [taken, paid] = [randomUUID(), randomUUID()];
    const holder = await transfer(ledger, {
      fromAccountId: from,
      toAccountId: to,
      amount: '1.00',
      externalId: taken,
    });
    expectPosted(holder);
    const reversal = toReversal({ transactionId: `ext:${paid}`, externalId: taken, ...newKey() });
    expect(await ledger.postBatch('ATOMIC', [pay('2.00', { externalId: paid }), reversal])).toMatchObject({
      facts: {
        index: 1,
        cause: { code: 'EXTERNAL_ID_TAKEN', facts: { takenBy: { id: holder.transaction.id } } },
      },
    });
    expect(await balance(ledger, from)).toBe(900n);
  });

  test('return the same refusal again if an operation that refers to an earlier one was declined', async () => {
    const { from, to, pay } = await setUp();
    const paid = randomUUID();
    const operations = [
      pay('10.00', { externalId: paid }),
      toTransfer({ fromAccountId: to, toAccountId: from, amount: '19.00', ...newKey() }),
      toReversal({ transactionId: `ext:${paid}`, ...newKey() }),
    ];
    const declined = await ledger.postBatch('ATOMIC', operations);
    expect(declined).toMatchObject({
      facts: { index: 2, cause: { code: 'INSUFFICIENT_FUNDS', replayed: false } },
    });
    expectPosted(await deposit(ledger, { accountId: to, amount: '50.00' }));
    expect(await ledger.postBatch('ATOMIC', operations)).toMatchObject({
      facts: { index: 2, cause: { code: 'INSUFFICIENT_FUNDS', replayed: true } },
    });
    expect(await codesOf('ATOMIC', operations.slice(0, 2))).toEqual(['POSTED', 'POSTED']);
  });

  test('return the same answer if another request posted the target meanwhile', async () => {
    const { from, to } = await setUp();
    const held = randomUUID();
    const hold = toHold({
      fromAccountId: from,
      toAccountId: to,
      amount: '4.00',
      externalId: held,
      ...newKey(),
    });
    const capture = toCapture({ holdId: `ext:${held}`, amount: '9.00', ...newKey() });
    const holder = await connect(database.ownerUrl);
    await holder.query('begin');
    await holder.query('select from accounts where id = $1 for update', [parseId('account', from)]);
    const single = ledger.postBatch('INDEPENDENT', [hold]);
    await sleep(80);
    // The batch is planned before the hold exists.
    const batch = elsewhere.postBatch('ATOMIC', [hold, capture]);
    await sleep(80);
    await holder.query('commit');
    await single;
    const declined = await batch;
    expect(declined).toMatchObject({ facts: { index: 1, cause: { code: 'HOLD_AMOUNT_EXCEEDED' } } });
    expect(await ledger.postBatch('ATOMIC', [hold, capture])).toMatchObject({
      facts: { index: 1, cause: { code: 'HOLD_AMOUNT_EXCEEDED', replayed: true } },
    });
  });

  test('that are sent to two services at once are posted by one and replayed by the other', async () => {
    const { from, to, pay } = await setUp();
    const [held, paid] = [randomUUID(), randomUUID()];
    const operations = [
      toHold({ fromAccountId: from, toAccountId: to, amount: '4.00', externalId: held, ...newKey() }),
      pay('5.00', { externalId: paid }),
      toCapture({ holdId: `ext:${held}`, amount: '1.00', final: false, ...newKey() }),
      toReversal({ transactionId: `ext:${paid}`, amount: '2.00', ...newKey() }),
      toVoid({ holdId: `ext:${held}`, ...newKey() }),
    ];
    // Both are planned and wait for their locks before either is posted.
    const holder = await connect(database.ownerUrl);
    await holder.query('begin');
    await holder.query('select from accounts where id = $1 for update', [parseId('account', from)]);
    const sent = [ledger, elsewhere].map((each) => each.postBatch('ATOMIC', operations));
    await sleep(300);
    await holder.query('commit');
    const answers = await Promise.all(sent);
    const outcomes = answers.map((answer) => ('outcomes' in answer ? answer.outcomes : []));
    const ids = outcomes.map((each) => each.map((o) => (o.code === 'POSTED' ? o.transaction.id : o.code)));
    expect(ids[0]).toHaveLength(5);
    expect(ids[0]).toEqual(ids[1]);
    expect(outcomes.map((each) => each.map(({ replayed }) => replayed)).sort()).toEqual([
      Array(5).fill(false),
      Array(5).fill(true),
    ]);
    expect(await balance(ledger, from)).toBe(600n);
  });

  test('of concurrent batches on the same accounts do not deadlock, and the sums agree', async () => {
    const accounts = await makeAccounts(ledger, 20, { funds: '10.00' });
    const operations = (turn: number) =>
      Array.from({ length: 600 }, (_, place) =>
        toTransfer({
          fromAccountId: accounts[(place + turn) % 20] ?? '',
          toAccountId:
            accounts[(place * 7 + turn + 1) % 20] === accounts[(place + turn) % 20]
              ? (accounts[(place + turn + 1) % 20] ?? '')
              : (accounts[(place * 7 + turn + 1) % 20] ?? ''),
          amount: '0.01',
          ...newKey(),
        }),
      );
    const singles = Array.from({ length: 200 }, (_, place) =>
      transfer(ledger, {
        fromAccountId: accounts[place % 20] ?? '',
        toAccountId: accounts[(place + 3) % 20] ?? '',
        amount: '0.01',
      }),
    );
    const answers = await Promise.all([
      ledger.postBatch('ATOMIC', operations(0)),
      ledger.postBatch('INDEPENDENT', operations(5)),
      ...singles,
    ]);
    for (const answer of answers) expect(['POSTED', 'PROCESSED']).toContain(answer.code);
    const balances = await Promise.all(accounts.map((account) => balance(ledger, account)));
    expect(balances.reduce((sum, each) => sum + each)).toBe(20_000n);
  }, 30_000);
});

test('the ids of a batch are those that are recorded', async () => {
  const { pay } = await setUp();
  const outcomes = await outcomesOf('ATOMIC', [pay('1.00'), pay('2.00')]);
  for (const outcome of outcomes) {
    expectPosted(outcome);
    const id = await ledger.transactionIdOf(formatId('transaction', outcome.transaction.id));
    expect((await ledger.findTransactions([id ?? ''])).get(id ?? '')).toEqual(outcome.transaction);
  }
});
