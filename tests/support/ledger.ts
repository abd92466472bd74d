import { randomUUID } from 'node:crypto';
import { afterAll, expect } from 'vitest';
import { ANYBODY } from '../../src/core/access/viewer.ts';
import { type CreateAccountInput, toAccountRequest } from '../../src/core/create-account.ts';
import type { Command } from '../../src/core/decide/command.ts';
import { toDeposit, toTransfer, toWithdrawal } from '../../src/core/decide/request.ts';
import type { Refusal } from '../../src/core/errors.ts';
import type { Outcome, Posted } from '../../src/core/transaction.ts';
import { formatId, type Uuid } from '../../src/core/values/ids.ts';
import { checkInvariants } from '../../src/db/invariants/invariants.ts';
import { openDatabase } from '../../src/db/postgres/database.ts';
import { Engine, MAIN } from '../../src/ledger/engine.ts';
import type { Ledger, LedgerEngine, LedgerOptions } from '../../src/ledger/ledger.ts';
import type { TestDatabase } from './database.ts';

/** Opens the ledger of a test database. It is closed at the end of the file. */
export async function openLedger(
  { serviceUrl }: Pick<TestDatabase, 'serviceUrl'>,
  { name = MAIN, ...options }: Partial<LedgerOptions> & { readonly name?: string } = {},
): Promise<Ledger> {
  const engine = await Engine.open({ allowUnsafeDurability: true, databaseUrl: serviceUrl, ...options });
  afterAll(() => engine.close());
  const ledger = await engine.ledger(name);
  if (ledger === undefined) throw new TypeError(`there is no ledger ${name}`);
  return ledger;
}

/** Creates ledgers, and returns them in the order of their names. */
export async function makeLedgers(engine: LedgerEngine, names: readonly string[]): Promise<Ledger[]> {
  const ledgers: Ledger[] = [];
  for (const name of names) {
    const made = await engine.access.createLedger(ANYBODY, name, randomUUID());
    if (made.code !== 'LEDGER_CREATED') throw new TypeError(`refused: ${made.code}`);
    const ledger = await engine.ledger(name);
    if (ledger !== undefined) ledgers.push(ledger);
  }
  return ledgers;
}

/** Returns the command of a well-formed request. */
export function commandOf(command: Command | Refusal): Command {
  if ('code' in command) throw new TypeError(`refused: ${command.code}`);
  return command;
}

/** Creates an account, deposits `funds` (decimal text), and returns the account's public id. */
export async function makeAccount(
  ledger: Ledger,
  { funds, ...input }: Partial<CreateAccountInput> & { readonly funds?: string } = {},
): Promise<string> {
  const request = toAccountRequest({ owner: 'somebody', currency: 'USD', normalSide: 'CREDIT', ...input });
  if ('code' in request) throw new TypeError(`refused: ${request.code}`);
  const made = await ledger.createAccount(request);
  if (made.code !== 'CREATED') throw new TypeError(`refused: ${made.code}`);
  const accountId = formatId('account', made.account.id);
  if (funds !== undefined) expectPosted(await deposit(ledger, { accountId, amount: funds }));
  return accountId;
}

export function makeAccounts(
  ledger: Ledger,
  count: number,
  input: Parameters<typeof makeAccount>[1] = {},
): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, () => makeAccount(ledger, input)));
}

type Keyless<Input extends { readonly idempotencyKey: string }> = Omit<Input, 'idempotencyKey'> &
  Partial<Pick<Input, 'idempotencyKey'>>;

/** Deposits. Without a key in the input, each call has a unique key. The same holds for `withdraw` and `transfer`. */
export function deposit(ledger: Ledger, input: Keyless<Parameters<typeof toDeposit>[0]>): Promise<Outcome> {
  return post(ledger, toDeposit({ idempotencyKey: randomUUID(), ...input }));
}

export function withdraw(
  ledger: Ledger,
  input: Keyless<Parameters<typeof toWithdrawal>[0]>,
): Promise<Outcome> {
  return post(ledger, toWithdrawal({ idempotencyKey: randomUUID(), ...input }));
}

export function transfer(ledger: Ledger, input: Keyless<Parameters<typeof toTransfer>[0]>): Promise<Outcome> {
  return post(ledger, toTransfer({ idempotencyKey: randomUUID(), ...input }));
}

async function post(ledger: Ledger, command: Command | Refusal): Promise<Outcome> {
  return 'code' in command ? command : ledger.post(command);
}

export function expectPosted(outcome: Outcome): asserts outcome is Posted {
  expect(outcome).toMatchObject({ code: 'POSTED' });
}

/** Returns the account's posted balance in minor units, on its normal side. */
export async function balance(ledger: Ledger, accountId: string): Promise<bigint> {
  const id: Uuid = (await ledger.accountIdOf(accountId)) ?? '';
  const account = (await ledger.findAccounts([id])).get(id);
  if (account === undefined) throw new TypeError(`the account ${accountId} does not exist`);
  return account.normalSide === 'CREDIT' ? account.posted : -account.posted;
}

/** Checks all invariants of the books. */
export function expectSoundBooks(database: Pick<TestDatabase, 'serviceUrl'>): Promise<void> {
  return expectInvariants(database, []);
}

/** Checks all invariants, except that the audit log need not lead to the tables: the tests change these by SQL. */
export function expectSoundBooksWithoutLog(database: Pick<TestDatabase, 'serviceUrl'>): Promise<void> {
  return expectInvariants(database, ['I11']);
}

async function expectInvariants(
  { serviceUrl }: Pick<TestDatabase, 'serviceUrl'>,
  without: readonly string[],
): Promise<void> {
  const db = openDatabase({
    allowUnsafeDurability: true,
    url: serviceUrl,
    maxConnections: 1,
    applicationName: 'invariants',
  });
  try {
    const broken = (await checkInvariants(db)).filter(
      ({ name, violations }) => !without.includes(name) && violations.length > 0,
    );
    expect(broken).toEqual([]);
  } finally {
    await db.destroy();
  }
}
