import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { toTransfer } from '../../../src/core/decide/request.ts';
import { asOwner, createTestDatabase, serverLog } from '../../support/database.ts';
import {
  balance,
  deposit,
  expectPosted,
  expectSoundBooks,
  makeAccount,
  makeAccounts,
  openLedger,
  transfer,
} from '../../support/ledger.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

test('a thousand simultaneous transfers to one account share few database transactions, each with one FOR UPDATE', async () => {
  await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
  const ledger = await openLedger(database);
  const payers = await makeAccounts(ledger, 50, { funds: '100.00' });
  const hot = await makeAccount(ledger);
  const before = (await statementsOfLanes()).length;

  const outcomes = await Promise.all(
    Array.from({ length: 1000 }, (_, place) =>
      transfer(ledger, { fromAccountId: payers[place % 50] ?? '', toAccountId: hot, amount: '0.10' }),
    ),
  );
  expect(outcomes.every(({ code }) => code === 'POSTED')).toBe(true);

  const statements = (await statementsOfLanes()).slice(before);
  const perTransaction = [...Map.groupBy(statements, ({ backend }) => backend).values()].flatMap(
    splitTransactions,
  );
  expect(perTransaction.length).toBeGreaterThan(0);
  expect(perTransaction.length).toBeLessThanOrEqual(60);
  for (const transaction of perTransaction) {
    expect(transaction.filter((text) => /for update/i.test(text))).toHaveLength(1);
    expect(transaction[1]).toMatch(/for update/i);
    expect(transaction.at(-1)).toMatch(/commit/i);
  }
});

test('commands and batches that arrive together share a block, and a rejected one does not affect the others', async () => {
  const ledger = await openLedger(database);
  const [rich = '', poor = '', payee = ''] = await makeAccounts(ledger, 3);
  expectPosted(await deposit(ledger, { accountId: rich, amount: '1000.00' }));
  const pay = (from: string, amount: string) => {
    const input = { fromAccountId: from, toAccountId: payee, amount, idempotencyKey: randomUUID() };
    const command = toTransfer(input);
    if ('code' in command) throw new TypeError(command.code);
    return command;
  };
  const many = (count: number) => Array.from({ length: count }, () => pay(rich, '0.10'));
  const before = await blocks();

  const answers = await Promise.all([
    ledger.post(pay(rich, '1.00')),
    ledger.postBatch('INDEPENDENT', [...many(40), pay(poor, '5.00'), ...many(40)]),
    ledger.postBatch('ATOMIC', many(100)),
    ledger.postBatch('ATOMIC', [...many(30), pay(poor, '7.00'), ...many(30)]),
    ledger.post(pay(rich, '2.00')),
    ledger.postBatch('ATOMIC', many(100)),
  ]);

  expect(answers.map(({ code }) => code)).toEqual([
    'POSTED',
    'PROCESSED',
    'PROCESSED',
    'BATCH_ABORTED',
    'POSTED',
    'PROCESSED',
  ]);
  expect(answers[1]).toMatchObject({ outcomes: { 40: { code: 'INSUFFICIENT_FUNDS' } } });
  expect(answers[3]).toMatchObject({ facts: { index: 30, cause: { code: 'INSUFFICIENT_FUNDS' } } });
  const after = await blocks();
  expect(after.slice(before.length)).toEqual([1 + 81 + 100 + 1 + 1 + 100]);
  expect(await balance(ledger, payee)).toBe(100n + 800n + 1000n + 200n + 1000n);
});

test('a hundred ATOMIC batches of fifty that arrive together share few blocks', async () => {
  const ledger = await openLedger(database);
  const accounts = await makeAccounts(ledger, 100, { minBalance: { unlimited: true } });
  const before = await blocks();
  const batches = await Promise.all(
    accounts.map((from, place) =>
      ledger.postBatch(
        'ATOMIC',
        Array.from({ length: 50 }, (_, step) => {
          const toAccountId = accounts[(place + step + 1) % 100] ?? '';
          const input = { fromAccountId: from, toAccountId, amount: '0.01', idempotencyKey: randomUUID() };
          return toTransfer(input);
        }),
      ),
    ),
  );
  expect(batches.every(({ code }) => code === 'PROCESSED')).toBe(true);
  const sizes = (await blocks()).slice(before.length);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(5000);
  expect(sizes.length).toBeLessThan(15);
});

/** Returns the number of outcomes of each block. */
async function blocks(): Promise<number[]> {
  const rows = await asOwner<{ size: number }>(database, 'select size from blocks order by number');
  return rows.map(({ size }) => size);
}

interface Statement {
  readonly backend: string;
  readonly text: string;
}

/** Returns all statements of the lanes' connections, in the order of the log. */
async function statementsOfLanes(): Promise<Statement[]> {
  return (await serverLog(database)).flatMap((message) => {
    const match = /\[(\d+)\] \S+ transactional-ledger writes.*?(?:statement|execute [^:]*): ([\s\S]*)/.exec(
      message,
    );
    return match === null ? [] : [{ backend: match[1] ?? '', text: match[2] ?? '' }];
  });
}

function splitTransactions(statements: readonly Statement[]): string[][] {
  const transactions: string[][] = [];
  for (const { text } of statements) {
    if (/^\s*(begin|start transaction)/i.test(text)) transactions.push([]);
    transactions.at(-1)?.push(text);
  }
  return transactions;
}
