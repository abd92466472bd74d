import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { toAccountRequest } from '../../src/core/create-account.ts';
import { toHold, toVoid } from '../../src/core/decide/request.ts';
import type { Refusal } from '../../src/core/errors.ts';
import {
  type AccountChange,
  toAccountUpdate,
  type UpdateAccountInput,
} from '../../src/core/update-account.ts';
import { formatId, parseId } from '../../src/core/values/ids.ts';
import type { AccountUpdated, Ledger } from '../../src/ledger/ledger.ts';
import { asOwner, connect, createTestDatabase } from '../support/database.ts';
import {
  balance,
  deposit,
  expectPosted,
  expectSoundBooks,
  makeAccount,
  makeAccounts,
  openLedger,
  transfer,
} from '../support/ledger.ts';
import { type Fate, startTcpProxy } from '../support/tcp-proxy.ts';
import { watchLockWaits } from './lock-waits.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
/** Another process on the same database. */
const other = await openLedger(database);
afterAll(() => expectSoundBooks(database));
const untilSessionWaits = await watchLockWaits(database);

type Answer = AccountUpdated | Refusal;

function update(
  accountId: string,
  input: Omit<UpdateAccountInput, 'accountId'>,
  by: Ledger = ledger,
): Promise<Answer> {
  const change = toAccountUpdate({ accountId, ...input });
  return 'facts' in change ? Promise.resolve(change) : by.changeAccount(accountId, change);
}

const become = (accountId: string, kind: 'FREEZE' | 'UNFREEZE' | 'CLOSE', by: Ledger = ledger) =>
  by.changeAccount(accountId, { kind, idempotencyKey: null });

/** Places a hold and returns its id. */
async function hold(fromAccountId: string, toAccountId: string, amount: string): Promise<string> {
  const command = toHold({ fromAccountId, toAccountId, amount, idempotencyKey: randomUUID() });
  if ('facts' in command) throw new TypeError(`refused: ${command.code}`);
  const outcome = await ledger.post(command);
  expectPosted(outcome);
  return formatId('hold', outcome.transaction.id);
}

async function voidHold(holdId: string): Promise<void> {
  const command = toVoid({ holdId, idempotencyKey: randomUUID() });
  if ('facts' in command) throw new TypeError(`refused: ${command.code}`);
  expectPosted(await ledger.post(command));
}

describe('an account’s life', () => {
  test('changed limits apply to all later transactions', async () => {
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
    const pay = (amount: string) => transfer(ledger, { fromAccountId: from, toAccountId: to, amount });

    expect(await update(from, { minBalance: { amount: '-5' } })).toMatchObject({
      code: 'UPDATED',
      account: { minBalance: -500n, maxBalance: null },
    });
    expectPosted(await pay('15.00'));
    expect(await pay('0.01')).toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
    expect(await update(to, { maxBalance: { amount: '25.00' } })).toMatchObject({ code: 'UPDATED' });
    expect(await update(from, { minBalance: { unlimited: true } })).toMatchObject({ code: 'UPDATED' });
    expect(await pay('0.01')).toMatchObject({ code: 'BALANCE_LIMIT_EXCEEDED' });
    expect(await update(to, { maxBalance: { amount: '24.99' } })).toMatchObject({ code: 'LIMIT_UNMET' });
  });

  test('an account is closed at zero, with no open hold from it or to it', async () => {
    const [payer = '', payee = '', stranger = ''] = await makeAccounts(ledger, 3);
    expectPosted(await deposit(ledger, { accountId: payer, amount: '10.00' }));
    const holds = [await hold(payer, payee, '1.00'), await hold(payer, payee, '2.00')];
    await hold(payer, stranger, '3.00');

    expect(await become(payer, 'CLOSE')).toMatchObject({
      code: 'ACCOUNT_NOT_EMPTY',
      facts: { balance: { minor: 1000n }, openHolds: 3 },
    });
    expect(await become(payee, 'CLOSE')).toMatchObject({
      code: 'ACCOUNT_NOT_EMPTY',
      facts: { balance: { minor: 0n }, openHolds: 2 },
    });
    await voidHold(holds[0] ?? '');
    expect(await become(payee, 'CLOSE')).toMatchObject({ facts: { openHolds: 1 } });
    await voidHold(holds[1] ?? '');
    expect(await become(payee, 'CLOSE')).toMatchObject({ code: 'UPDATED', account: { status: 'CLOSED' } });
    expect(await become(payee, 'CLOSE')).toMatchObject({ code: 'UPDATED', account: { status: 'CLOSED' } });
    expect(await become(payee, 'UNFREEZE')).toMatchObject({ code: 'ACCOUNT_CLOSED', recorded: false });
    expect(
      await transfer(ledger, { fromAccountId: payer, toAccountId: payee, amount: '1.00' }),
    ).toMatchObject({ code: 'ACCOUNT_CLOSED' });
  });

  test('held money counts towards the lower limit, incoming money towards the upper one', async () => {
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
    await hold(from, to, '4.00');
    expect(await update(from, { minBalance: { amount: '6.01' } })).toMatchObject({
      code: 'LIMIT_UNMET',
      facts: {
        limit: { minor: 601n },
        balance: { minor: 1000n },
        held: { minor: 400n },
        incoming: { minor: 0n },
      },
    });
    expect(await update(to, { maxBalance: { amount: '13.99' } })).toMatchObject({
      code: 'LIMIT_UNMET',
      facts: { limit: { minor: 1399n }, held: { minor: 0n }, incoming: { minor: 400n } },
    });
    expect(await update(from, { minBalance: { amount: '6' } })).toMatchObject({ code: 'UPDATED' });
    expect(await update(to, { maxBalance: { amount: '14' } })).toMatchObject({ code: 'UPDATED' });
  });

  test('an assigned externalId is found at once, also by another process', async () => {
    const account = await makeAccount(ledger);
    const name = `given-${randomUUID()}`;
    expect(await other.accountIdOf(`ext:${name}`)).toBeUndefined();
    expect(await update(account, { externalId: name })).toMatchObject({ account: { externalId: name } });
    for (const each of [ledger, other]) {
      expect(await become(`ext:${name}`, 'FREEZE', each)).toMatchObject({
        code: 'UPDATED',
        account: { id: parseId('account', account), status: 'FROZEN' },
      });
    }
    expect(await update(account, { externalId: name })).toMatchObject({ code: 'UPDATED' });
    expect(await update(account, { externalId: `${name}-2` })).toMatchObject({
      code: 'INVALID_INPUT',
      facts: { field: 'externalId' },
    });
  });

  test.each([
    'acct_',
    'ext:missing',
    formatId('account', randomUUID()),
    'txn_01890a5d96d7f5b2c0000000000',
    '',
  ])('the name %j resolves to no account', async (accountId) => {
    expect(await become(accountId, 'CLOSE')).toMatchObject({
      code: 'ACCOUNT_NOT_FOUND',
      facts: { accountId },
    });
  });
});

describe('concurrent changes and postings', () => {
  test('either a close or a concurrent transfer to the account succeeds', async () => {
    const payer = await makeAccount(ledger, { funds: '100.00' });
    const endings = new Set<string>();
    for (let round = 0; round < 60; round += 1) {
      const account = await makeAccount(ledger);
      const [paid, closed] = await Promise.all([
        sleep(round % 3).then(() =>
          transfer(ledger, { fromAccountId: payer, toAccountId: account, amount: '0.01' }),
        ),
        sleep((round + 1) % 3).then(() => become(account, 'CLOSE', other)),
      ]);
      endings.add(`${paid.code} ${closed.code}`);
    }
    expect(
      [...endings].filter(
        (ending) => !['POSTED ACCOUNT_NOT_EMPTY', 'ACCOUNT_CLOSED UPDATED'].includes(ending),
      ),
    ).toEqual([]);
  });

  test('a close that waits for a transfer reads the balance that it leaves', async () => {
    const account = await makeAccount(ledger);
    const holder = await connect(database.ownerUrl);
    await holder.query('begin');
    await holder.query('select from accounts where id = $1 for update', [parseId('account', account)]);
    const paid = deposit(ledger, { accountId: account, amount: '1.00' });
    await untilSessionWaits();
    const closed = become(account, 'CLOSE', other);
    await holder.query('commit');
    // The database decides which of the two waits first.
    const codes = [(await paid).code, (await closed).code];
    expect([
      ['POSTED', 'ACCOUNT_NOT_EMPTY'],
      ['ACCOUNT_CLOSED', 'UPDATED'],
    ]).toContainEqual(codes);
    expect(await balance(ledger, account)).toBe(codes[0] === 'POSTED' ? 100n : 0n);
  });

  test('after the answer to a freeze no money moves, and before it all money does', async () => {
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '100.00' });
    const pay = (by: Ledger) => transfer(by, { fromAccountId: from, toAccountId: to, amount: '0.01' });
    const before = await Promise.all([pay(ledger), pay(other)]);
    const during = Array.from({ length: 40 }, (_, place) => pay(place % 2 === 0 ? ledger : other));
    const frozen = await become(from, 'FREEZE');
    const after = await Promise.all([pay(ledger), pay(other)]);

    expect(frozen).toMatchObject({ code: 'UPDATED', account: { status: 'FROZEN' } });
    for (const outcome of before) expectPosted(outcome);
    for (const outcome of after) expect(outcome).toMatchObject({ code: 'ACCOUNT_FROZEN' });
    const codes = (await Promise.all(during)).map(({ code }) => code);
    const posted = codes.filter((code) => code === 'POSTED').length;
    expect(codes.filter((code) => code === 'ACCOUNT_FROZEN')).toHaveLength(40 - posted);
    expect(await balance(ledger, to)).toBe(10_002n + BigInt(posted));

    expect(await become(from, 'UNFREEZE', other)).toMatchObject({ account: { status: 'OPEN' } });
    for (const outcome of await Promise.all([pay(ledger), pay(other)])) expectPosted(outcome);
  });

  test('limits that are lowered during transfers are kept or rejected', async () => {
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '50.00' });
    const pay = () => transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '1.00' });
    const [lowered, ...paid] = await Promise.all([
      update(from, { minBalance: { amount: '45' } }, other),
      ...Array.from({ length: 20 }, pay),
    ]);
    const left = await balance(ledger, from);
    const moved = paid.filter((outcome) => outcome !== undefined && outcome.code === 'POSTED').length;
    expect(left).toBe(5000n - 100n * BigInt(moved));
    if (lowered.code === 'UPDATED') expect(left).toBeGreaterThanOrEqual(4500n);
    else expect(lowered.code).toBe('LIMIT_UNMET');
  });

  test('one of two concurrent requests that give an account different externalIds succeeds', async () => {
    for (let round = 0; round < 10; round += 1) {
      const account = await makeAccount(ledger);
      const answers = await Promise.all(
        [ledger, other].map((by) => update(account, { externalId: `own-${randomUUID()}` }, by)),
      );
      expect(answers.map(({ code }) => code).sort()).toEqual(['INVALID_INPUT', 'UPDATED']);
    }
  });

  test('one of two concurrent requests that give two accounts one externalId succeeds, and the other receives the taker', async () => {
    for (let round = 0; round < 10; round += 1) {
      const accounts = await makeAccounts(ledger, 2);
      const externalId = `one-${randomUUID()}`;
      const answers = await Promise.all(
        [ledger, other].map((by, place) => update(accounts[place] ?? '', { externalId }, by)),
      );
      const won = answers.findIndex(({ code }) => code === 'UPDATED');
      expect(answers[1 - won]).toMatchObject({
        code: 'EXTERNAL_ID_TAKEN',
        facts: { takenBy: { kind: 'account', id: parseId('account', accounts[won] ?? '') } },
      });
    }
  });

  test('an externalId that a new account and an update take at the same time goes to one of them', async () => {
    const account = await makeAccount(ledger);
    const externalId = `race-${randomUUID()}`;
    const holder = await connect(database.ownerUrl);
    await holder.query('begin');
    await holder.query(
      `with given as (update accounts set external_id = $1 where id = $2 returning id, ledger_id)
       insert into audit_events (ledger_id, action, subject_type, subject, before, after, request_id)
       select ledger_id, 'updateAccount', 'ACCOUNT', id, '{"externalId":null}', $3, 'request' from given`,
      [
        externalId,
        parseId('account', await makeAccount(ledger)),
        JSON.stringify({ externalId, version: '0' }),
      ],
    );
    const given = update(account, { externalId });
    const made = makeAccount(other, { externalId }).catch((error: unknown) => String(error));
    await untilSessionWaits();
    await holder.query('commit');
    expect(await given).toMatchObject({ code: 'EXTERNAL_ID_TAKEN' });
    expect(await made).toContain('EXTERNAL_ID_TAKEN');
  });

  test('simultaneous updates of many accounts and of one all finish', async () => {
    const accounts = await makeAccounts(ledger, 4);
    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, place) =>
        update(
          accounts[place % 4] ?? '',
          { metadata: { place: `${place}` } },
          place % 3 === 0 ? other : ledger,
        ),
      ),
    );
    expect(answers.filter(({ code }) => code !== 'UPDATED')).toEqual([]);
  });
});

describe('createAccounts', () => {
  const requests = (inputs: readonly Partial<Parameters<typeof toAccountRequest>[0]>[]) =>
    inputs.map((input, place) =>
      toAccountRequest(
        { owner: 'many', currency: 'USD', normalSide: 'CREDIT', ...input },
        `accounts[${place}].`,
      ),
    );

  test('creates a thousand accounts in order, each with all of its fields', async () => {
    const name = randomUUID();
    const currencies = ['USD', 'EUR', 'JPY', 'CHF'];
    const asked = Array.from({ length: 1000 }, (_, place) => ({
      currency: currencies[place % 4] ?? '',
      externalId: `${name}-${place}`,
      idempotencyKey: `${name}-${place}`,
      metadata: { place: `${place}` },
    }));
    const answers = await Promise.all(
      [0, 1].map((which) => [ledger, other][which]?.createAccounts(requests(asked))),
    );
    const rows = answers.map((answer) => (answer?.code === 'ACCOUNTS_CREATED' ? answer.results : []));
    for (const results of rows) {
      expect(results.map((result) => result.code === 'CREATED' && result.account.externalId)).toEqual(
        asked.map(({ externalId }) => externalId),
      );
    }
    // Two simultaneous requests for the same accounts: each account is created once.
    const made = rows.flat().filter((result) => result.code === 'CREATED' && !result.replayed);
    expect(made).toHaveLength(1000);
    const [row] = await asOwner<{ externals: number }>(
      database,
      `select count(*)::int as externals from accounts where kind = 'EXTERNAL'`,
    );
    expect(row).toEqual({ externals: 4 });
  });

  test('creates each account on its own, and a later one can depend on an earlier one', async () => {
    const [key, name] = [randomUUID(), randomUUID()];
    const answer = await ledger.createAccounts(
      requests([
        { idempotencyKey: key, externalId: name },
        { owner: '' },
        { idempotencyKey: key, externalId: name },
        { idempotencyKey: key, externalId: `${name}-2` },
        { externalId: name },
        { currency: 'XXX' },
        { minBalance: { amount: '1' } },
        {},
      ]),
    );
    if (answer.code !== 'ACCOUNTS_CREATED') throw new TypeError(`refused: ${answer.code}`);
    const [first] = answer.results;
    if (first?.code !== 'CREATED') throw new TypeError('not created');
    expect(answer.results).toMatchObject([
      { code: 'CREATED', replayed: false },
      { code: 'INVALID_INPUT', facts: { field: 'accounts[1].owner' } },
      { code: 'CREATED', replayed: true, account: { id: first.account.id } },
      { code: 'IDEMPOTENCY_CONFLICT', facts: { differingFields: ['externalId'] } },
      { code: 'EXTERNAL_ID_TAKEN', facts: { takenBy: { kind: 'account', id: first.account.id } } },
      { code: 'UNKNOWN_CURRENCY' },
      { code: 'LIMIT_UNMET' },
      { code: 'CREATED', replayed: false },
    ]);
  });

  test('returns the same accounts to two requests with the same keys in opposite order', async () => {
    const name = randomUUID();
    const asked = Array.from({ length: 100 }, (_, place) => ({ idempotencyKey: `${name}-${place}` }));
    const [one, two] = await Promise.all([
      ledger.createAccounts(requests(asked)),
      other.createAccounts(requests(asked.toReversed())),
    ]);
    if (one.code !== 'ACCOUNTS_CREATED' || two.code !== 'ACCOUNTS_CREATED') throw new TypeError('refused');
    const idOf = (result: (typeof one.results)[number]) => result.code === 'CREATED' && result.account.id;
    expect(two.results.toReversed().map(idOf)).toEqual(one.results.map(idOf));
    expect(new Set(one.results.map(idOf)).size).toBe(100);
  });
});

describe('currencies', () => {
  /** A code that no other test registers. */
  const newCode = () => `T${randomUUID().replaceAll('-', '').slice(0, 11).toUpperCase()}`;

  test('a registered currency can be used at once, also by another process', async () => {
    const code = newCode();
    expect(
      await ledger.createAccounts([toAccountRequest({ owner: 'x', currency: code, normalSide: 'CREDIT' })]),
    ).toMatchObject({ results: [{ code: 'UNKNOWN_CURRENCY' }] });
    expect(await ledger.registerCurrency({ code, exponent: 18 })).toEqual({
      code: 'REGISTERED',
      registered: { code, exponent: 18 },
      replayed: false,
    });
    const here = await makeAccount(ledger, { currency: code, funds: '1.000000000000000001' });
    // The other process reads the currency first in a row of the database.
    expect(await update(here, { metadata: { a: 'b' } }, other)).toMatchObject({ code: 'UPDATED' });
    const there = await makeAccount(other, { currency: code });
    expectPosted(
      await transfer(other, { fromAccountId: here, toAccountId: there, amount: '0.000000000000000001' }),
    );
    expect(await balance(ledger, there)).toBe(1n);
    expect((await other.findCurrencies()).find((currency) => currency.code === code)).toEqual({
      code,
      exponent: 18,
    });
  });

  test('one of two concurrent registrations of one code with different exponents succeeds', async () => {
    for (let round = 0; round < 10; round += 1) {
      const code = newCode();
      const answers = await Promise.all([
        ledger.registerCurrency({ code, exponent: 2 }),
        other.registerCurrency({ code, exponent: 3 }),
      ]);
      const won = answers.findIndex((answer) => answer.code === 'REGISTERED');
      const registered = { code, exponent: 2 + won };
      expect(answers[won]).toMatchObject({ replayed: false, registered });
      expect(answers[1 - won]).toMatchObject({ code: 'CURRENCY_TAKEN', facts: { registered } });
      expect(await other.registerCurrency(registered)).toMatchObject({ replayed: true });
    }
  });
});

test.each<Fate>(['drop before', 'drop after', 'warn'])(
  'a COMMIT that meets “%s” is looked at again, and its answer is true',
  async (fate) => {
    let armed = false;
    let fates = 0;
    const proxy = await startTcpProxy(database.serviceUrl, () => {
      if (!armed) return 'pass';
      armed = false;
      fates += 1;
      return fate;
    });
    afterAll(() => proxy.close());
    const far = await openLedger({ serviceUrl: proxy.url });
    const lost = <T>(write: () => Promise<T>): Promise<T> => {
      armed = true;
      return write();
    };
    const key = randomUUID();
    const request = toAccountRequest({
      owner: 'far',
      currency: 'USD',
      normalSide: 'CREDIT',
      idempotencyKey: key,
    });

    const made = await lost(() => far.createAccounts([request, request]));
    expect(made).toMatchObject({
      results: [
        { code: 'CREATED', replayed: false },
        { code: 'CREATED', replayed: true },
      ],
    });
    const account = await makeAccount(far);
    const change: AccountChange = { kind: 'FREEZE', idempotencyKey: null };
    expect(await lost(() => far.changeAccount(account, change))).toMatchObject({ code: 'UPDATED' });
    const code = `F${key.replaceAll('-', '').slice(0, 11).toUpperCase()}`;
    expect(await lost(() => far.registerCurrency({ code, exponent: 1 }))).toMatchObject({
      code: 'REGISTERED',
      replayed: false,
    });
    // If the period is already closed, there is no COMMIT.
    const before = BigInt(Date.now() - 60_000) * 1000n;
    expect(await lost(() => far.closePeriod({ before }))).toMatchObject({
      code: 'CLOSED',
      ledger: { closedBefore: before },
    });
    expect(fates).toBe(4);
  },
);
