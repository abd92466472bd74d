import { afterAll, expect, test } from 'vitest';
import { toAccountRequest } from '../../src/core/create-account.ts';
import { toTransfer } from '../../src/core/decide/request.ts';
import { openDatabase } from '../../src/db/postgres/database.ts';
import { Currencies, CurrencyCache } from '../../src/ledger/currencies.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import {
  balance,
  deposit,
  expectPosted,
  expectSoundBooksWithoutLog,
  makeAccount,
  openLedger,
} from '../support/ledger.ts';
import { statementsDuring } from '../support/statements.ts';

const REGISTERED = 20_000;
const codeOf = (number: number) => `T${String(number).padStart(6, '0')}`;

const database = await createTestDatabase();
await asOwner(
  database,
  `insert into ledgers (id, name) values (gen_random_uuid(), 'other')`,
  `insert into currencies (code, ledger_id, exponent)
   select 'T' || lpad(n::text, 6, '0'), id, 3 from ledgers, generate_series(1, ${REGISTERED}) n where name = 'main'`,
  'analyze currencies',
  `alter database ${database.name} set log_statement = 'all'`,
);
/** Has no currency in its cache. */
const openNew = (name = 'main') => openLedger(database, { name });
const ledger = await openNew();
afterAll(() => expectSoundBooksWithoutLog(database));

/** Returns the statements that read currencies while `run` runs. */
async function lookUps(run: () => Promise<unknown>): Promise<string[]> {
  const statements = await statementsDuring(database, run);
  const found = statements.filter((statement) => statement.includes('from "currencies"'));
  // No statement reads all of them.
  for (const statement of found) expect(statement).toContain('code = any(');
  return found;
}

const create = (by: Ledger, ...codes: readonly string[]) =>
  by.createAccounts(
    codes.map((currency) => toAccountRequest({ owner: 'x', currency, normalSide: 'CREDIT' })),
  );

test('an account in one of 20,000 currencies needs one look-up, once', async () => {
  const last = codeOf(REGISTERED);
  const make = async () =>
    expect(await create(ledger, last)).toMatchObject({ results: [{ code: 'CREATED' }] });
  expect(await lookUps(make)).toHaveLength(1);
  expect(await lookUps(make)).toEqual([]);
});

test('only the unknown codes are looked up, and malformed ones are not', async () => {
  const unknown = Array.from({ length: 10 }, (_, place) => `U${place}NKNOWN`);
  const refuse = async (codes: readonly string[]) => {
    const results = codes.map((currency) => ({ code: 'UNKNOWN_CURRENCY', facts: { currency } }));
    expect(await create(ledger, ...codes)).toMatchObject({ results });
  };
  expect(await lookUps(() => refuse(unknown))).toHaveLength(1);
  expect(await lookUps(() => refuse(unknown))).toHaveLength(1);
  expect(await lookUps(() => refuse(['usd', '', 'T\u0000', 'T'.repeat(13), '\ud800', 'T-1']))).toEqual([]);
});

test('registering a currency reads only that one, even if it exists', async () => {
  const register = async (code: string, exponent: number, answer: object) =>
    expect(await ledger.registerCurrency({ code, exponent })).toMatchObject(answer);
  for (const run of [
    () => register('NEWONE', 4, { code: 'REGISTERED', replayed: false }),
    () => register('NEWONE', 4, { code: 'REGISTERED', replayed: true }),
    () => register(codeOf(7), 4, { code: 'CURRENCY_TAKEN', facts: { registered: { exponent: 3 } } }),
  ]) {
    expect(await lookUps(run)).toHaveLength(1);
  }
});

test('rows in many currencies that are not cached are read with one look-up', async () => {
  const codes = Array.from({ length: 40 }, (_, place) => codeOf(100 + place));
  const ids = await Promise.all(
    codes.map((currency) => makeAccount(ledger, { currency, funds: '1.001', owner: 'many' })),
  );
  const receivers = await Promise.all(codes.map((currency) => makeAccount(ledger, { currency })));
  const filter = { owner: 'many' };

  const lists = await openNew();
  const list = async () => {
    const { rows } = await lists.listAccounts(filter, { limit: 100, inverted: false });
    expect(new Set(rows.map(({ currency }) => currency.code))).toEqual(new Set(codes));
    for (const { currency } of rows) expect(currency.exponent).toBe(3);
  };
  expect(await lookUps(list)).toHaveLength(1);
  expect(await lookUps(list)).toEqual([]);

  const sums = await openNew();
  const sum = async () => {
    const lines = await sums.trialBalance(filter);
    expect(lines).toHaveLength(codes.length);
    for (const { credits } of lines)
      expect(credits).toMatchObject({ minor: 1001n, currency: { exponent: 3 } });
  };
  expect(await lookUps(sum)).toHaveLength(1);

  for (const mode of ['INDEPENDENT', 'ATOMIC'] as const) {
    const poster = await openNew();
    const operations = ids.map((fromAccountId, place) =>
      toTransfer({
        fromAccountId,
        toAccountId: receivers[place] ?? '',
        amount: '0.001',
        idempotencyKey: `${mode} ${place}`,
      }),
    );
    const post = async () => {
      const answer = await poster.postBatch(mode, operations);
      if (answer.code !== 'PROCESSED') throw new TypeError(`refused: ${answer.code}`);
      for (const outcome of answer.outcomes) expectPosted(outcome);
    };
    expect(await lookUps(post)).toHaveLength(1);
  }
  expect(await balance(await openNew(), ids[0] ?? '')).toBe(999n);
});

test('a ledger lists all its currencies', async () => {
  const currencies = await (await openNew()).findCurrencies();
  const codes = new Set(currencies.map(({ code }) => code));
  expect(currencies.length).toBe(codes.size);
  expect(codes.size).toBeGreaterThanOrEqual(REGISTERED);
  expect(codes.has(codeOf(1)) && codes.has(codeOf(REGISTERED))).toBe(true);
});

test('two ledgers have their own currencies under one code', async () => {
  const other = await openNew('other');
  const code = codeOf(1);
  expect(await create(other, code)).toMatchObject({ results: [{ code: 'UNKNOWN_CURRENCY' }] });
  expect(await other.registerCurrency({ code, exponent: 6 })).toMatchObject({ replayed: false });
  const here = await makeAccount(ledger, { currency: code });
  const there = await makeAccount(other, { currency: code });
  const amount = '0.000001';
  expect(await deposit(ledger, { accountId: here, amount })).toMatchObject({ code: 'INVALID_AMOUNT' });
  expectPosted(await deposit(other, { accountId: there, amount }));
  expect(await balance(await openNew('other'), there)).toBe(1n);
  expect((await other.findCurrencies()).map((currency) => currency.code)).toEqual([code]);
});

test('currencies that were dropped from the cache are read again', async () => {
  const db = openDatabase({
    allowUnsafeDurability: true,
    url: database.serviceUrl,
    maxConnections: 1,
    applicationName: 'few',
  });
  afterAll(() => db.destroy());
  const few = new Currencies(db, ledger.id, new CurrencyCache(2));
  const codes = [1, 2, 3, 4, 5].map(codeOf);
  const found = await few.find(new Set([...codes, 'USD', 'NOSUCH']));
  expect([...found.keys()].sort()).toEqual([...codes, 'USD'].sort());
  for (const code of codes) {
    expect(await few.reading(async () => few.of(code))).toEqual({ code, exponent: 3 });
  }
  // A missing currency ends the retries too.
  await expect(few.reading(async () => few.of('NOSUCH'))).rejects.toThrow('NOSUCH');
});
