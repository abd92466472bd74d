import { afterAll, expect, test } from 'vitest';
import { asOwner, createTestDatabase, serverLog } from '../support/database.ts';
import { expectSoundBooks, makeAccount, makeAccounts, openLedger, transfer } from '../support/ledger.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

test('a thousand simultaneous transfers into one account are few transactions, each with one FOR UPDATE', async () => {
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

interface Statement {
  readonly backend: string;
  readonly text: string;
}

/** Every statement of the lanes' connections, in the order of the log. */
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
