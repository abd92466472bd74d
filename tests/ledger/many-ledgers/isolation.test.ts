/** Two ledgers of one engine: nothing of one is seen, changed or told apart from what does not exist by the other. */
import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { toAccountRequest } from '../../../src/core/create-account.ts';
import {
  toCapture,
  toDeposit,
  toHold,
  toJournal,
  toReversal,
  toTransfer,
  toVoid,
  toWithdrawal,
} from '../../../src/core/decide/request.ts';
import { toAccountUpdate, toStatusChange } from '../../../src/core/update-account.ts';
import { formatId, parseId, type Uuid } from '../../../src/core/values/ids.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createTestDatabase } from '../../support/database.ts';
import {
  balance,
  commandOf,
  deposit,
  expectPosted,
  expectSoundBooks,
  makeAccount,
  makeLedgers,
  openLedger,
  transfer,
} from '../../support/ledger.ts';

const database = await createTestDatabase();
const { engine } = await openLedger(database);
const [here, there] = (await makeLedgers(engine, database, ['here', 'there'])) as [Ledger, Ledger];
afterAll(() => expectSoundBooks(database));

const newKey = (): { idempotencyKey: string } => ({ idempotencyKey: randomUUID() });
const PAGE = { limit: 100, inverted: false };
const CURRENCY = 'FOREIGN';

/** The names of one account, transaction and hold, by id or by externalId. */
interface Things {
  readonly account: string;
  readonly transaction: string;
  readonly hold: string;
  readonly currency: string;
  readonly key: string;
}

/** Writes the books of a ledger with everything that can be named. Both ledgers use the same names, except for the currency. */
async function write(ledger: Ledger, prefix: string): Promise<Record<'ids' | 'names', Things>> {
  await ledger.registerCurrency({ code: CURRENCY, exponent: 3 });
  await makeAccount(ledger, { externalId: `${prefix} foreign money`, currency: CURRENCY });
  const account = await makeAccount(ledger, { externalId: `${prefix} account`, funds: '100.00' });
  const toAccountId = await makeAccount(ledger, { externalId: `${prefix} payee`, funds: '100.00' });
  const key = `${prefix} key`;
  const between = { fromAccountId: account, toAccountId, amount: '1.00' };
  const moved = await transfer(ledger, {
    ...between,
    externalId: `${prefix} transfer`,
    idempotencyKey: key,
  });
  expectPosted(moved);
  const externalId = `${prefix} hold`;
  const held = await ledger.post(commandOf(toHold({ ...between, externalId, ...newKey() })));
  expectPosted(held);
  const common = { currency: CURRENCY, key };
  return {
    ids: {
      ...common,
      account,
      transaction: formatId('transaction', moved.transaction.id),
      hold: formatId('hold', held.transaction.id),
    },
    names: {
      ...common,
      account: `ext:${prefix} account`,
      transaction: `ext:${prefix} transfer`,
      hold: `ext:${prefix} hold`,
    },
  };
}

const foreign = await write(there, 'their');
const own = await makeAccount(here, { externalId: 'own', funds: '100.00' });
const other = await makeAccount(here, { externalId: 'other', funds: '100.00' });
/** The ids of an account, a transaction and a hold that exist nowhere. */
const nothing: typeof foreign = {
  ids: {
    account: formatId('account', randomUUID()),
    transaction: formatId('transaction', randomUUID()),
    hold: formatId('hold', randomUUID()),
    currency: 'NOWHERE',
    key: 'no key',
  },
  names: {
    account: 'ext:no account',
    transaction: 'ext:no transfer',
    hold: 'ext:no hold',
    currency: 'NOWHERE',
    key: 'no key',
  },
};

const OPERATIONS = {
  deposit: ({ account }: Things, key = newKey()) => toDeposit({ accountId: account, amount: '1.00', ...key }),
  withdrawal: ({ account }: Things, key = newKey()) =>
    toWithdrawal({ accountId: account, amount: '1.00', ...key }),
  'transfer from it': ({ account }: Things, key = newKey()) =>
    toTransfer({ fromAccountId: account, toAccountId: own, amount: '1.00', ...key }),
  'transfer to it': ({ account }: Things, key = newKey()) =>
    toTransfer({ fromAccountId: own, toAccountId: account, amount: '1.00', ...key }),
  hold: ({ account }: Things, key = newKey()) =>
    toHold({ fromAccountId: own, toAccountId: account, amount: '1.00', ...key }),
  journal: ({ account }: Things, key = newKey()) =>
    toJournal({
      keyAccountId: own,
      entries: [
        { accountId: own, side: 'DEBIT', amount: '1.00' },
        { accountId: account, side: 'CREDIT', amount: '1.00' },
      ],
      ...key,
    }),
  'journal with its key account': ({ account }: Things, key = newKey()) =>
    toJournal({
      keyAccountId: account,
      entries: [
        { accountId: own, side: 'DEBIT', amount: '1.00' },
        { accountId: own, side: 'CREDIT', amount: '1.00' },
      ],
      ...key,
    }),
  capture: ({ hold }: Things, key = newKey()) => toCapture({ holdId: hold, ...key }),
  void: ({ hold }: Things, key = newKey()) => toVoid({ holdId: hold, ...key }),
  reversal: ({ transaction }: Things, key = newKey()) => toReversal({ transactionId: transaction, ...key }),
  'transfer with a condition on it': ({ account }: Things, key = newKey()) =>
    toTransfer({
      fromAccountId: own,
      toAccountId: other,
      amount: '1.00',
      conditions: [{ accountId: account, balanceAtLeast: '0.01' }],
      ...key,
    }),
} as const;

type Act = (ledger: Ledger, things: Things) => Promise<unknown>;
const uuidOf = (kind: 'account' | 'transaction' | 'hold', id: string): Uuid =>
  parseId(kind, id) ?? randomUUID();

const commands: [string, Act][] = Object.entries(OPERATIONS).flatMap(([name, make]): [string, Act][] => [
  [name, (ledger, things) => ledger.post(commandOf(make(things)))],
  [`a preview of a ${name}`, (ledger, things) => ledger.preview(commandOf(make(things)))],
  [
    `a ${name} in an INDEPENDENT batch`,
    (ledger, things) => ledger.postBatch('INDEPENDENT', [make(things, { idempotencyKey: 'of a batch' })]),
  ],
  [`a ${name} in an ATOMIC batch`, (ledger, things) => ledger.postBatch('ATOMIC', [make(things)])],
]);
const changes: [string, Act][] = [
  [
    'an update of an account',
    (ledger, { account: accountId }) => {
      const change = toAccountUpdate({ accountId, metadata: { a: '1' } });
      return 'code' in change ? Promise.resolve(change) : ledger.changeAccount(accountId, change);
    },
  ],
  [
    'freezing an account',
    (ledger, { account: accountId }) => {
      const change = toStatusChange('FREEZE', { accountId });
      return 'code' in change ? Promise.resolve(change) : ledger.changeAccount(accountId, change);
    },
  ],
  [
    'an account in a currency',
    (ledger, { currency }) =>
      ledger.createAccounts([toAccountRequest({ owner: 'somebody', currency, normalSide: 'CREDIT' })]),
  ],
];
const reads: [string, Act][] = [
  ['a key', (ledger, { account, key }) => ledger.outcomeByKey(account, key)],
  [
    'an id of an account',
    async (ledger, { account }) => ledger.findAccounts([(await ledger.accountIdOf(account)) ?? randomUUID()]),
  ],
  [
    'an id of a transaction',
    async (ledger, { transaction }) =>
      ledger.findTransactions([(await ledger.transactionIdOf(transaction)) ?? randomUUID()]),
  ],
  [
    'an id of a hold',
    async (ledger, { hold }) => ledger.findHolds([(await ledger.holdIdOf(hold)) ?? randomUUID()]),
  ],
  [
    'entries',
    (ledger, { account }) => ledger.findEntries([{ accountId: uuidOf('account', account), version: 1n }]),
  ],
  ['an account’s entries', (ledger, { account }) => ledger.listEntries(uuidOf('account', account), {}, PAGE)],
  [
    'an account’s transactions',
    (ledger, { account }) => ledger.listTransactions({ accountId: uuidOf('account', account) }, PAGE),
  ],
  [
    'an account’s holds',
    (ledger, { account }) => ledger.listHolds({ accountId: uuidOf('account', account) }, PAGE),
  ],
  ['a hold’s transactions', (ledger, { hold }) => ledger.listHoldTransactions(uuidOf('hold', hold), PAGE)],
  [
    'a transaction’s reversals',
    (ledger, { transaction }) =>
      ledger.findReversals([{ original: uuidOf('transaction', transaction), range: PAGE }], PAGE),
  ],
  ['accounts in a currency', (ledger, { currency }) => ledger.listAccounts({ currency }, PAGE)],
  ['a trial balance in a currency', (ledger, { currency }) => ledger.trialBalance({ currency })],
];

/** Everything of a ledger. */
async function booksOf(ledger: Ledger): Promise<unknown> {
  return [
    await ledger.state(),
    await ledger.listAccounts({}, PAGE),
    await ledger.listHolds({}, PAGE),
    await ledger.listTransactions({}, PAGE),
    await ledger.findCurrencies(),
  ];
}

/** Returns the text of an answer, without the names that were given and without what is new in each answer. */
function textOf(answer: unknown, things: Things): string {
  const plain = (_: string, value: unknown) =>
    typeof value === 'bigint' ? `${value}` : value instanceof Map ? [...value] : value;
  let text = JSON.stringify(answer, plain) ?? 'undefined';
  for (const [kind, name] of Object.entries(things)) {
    text = text.replaceAll(name, `<${kind}>`).replaceAll(parseId('account', name) ?? name, `<${kind}>`);
  }
  return text;
}

describe.each(['ids', 'names'] as const)('with foreign %s,', (by) => {
  test.each([...commands, ...changes, ...reads])('%s finds nothing', async (name, act) => {
    // The ledger that has them knows their names, and has cached the states of their accounts.
    const before = await booksOf(there);
    const things = by === 'names' && reads.some(([read]) => read === name) ? foreign.names : foreign[by];
    const unknown = things === foreign.names ? nothing.names : nothing[by];
    const found = textOf(await act(here, things), things);
    expect(found).toBe(textOf(await act(here, unknown), unknown));
    expect(found).not.toMatch(/"(POSTED|PREVIEWED|CREATED|UPDATED)"/);
    expect(await booksOf(there)).toEqual(before);
  });
});

test('the same names find something in their own ledger', async () => {
  for (const things of [foreign.ids, foreign.names]) {
    for (const [name, act] of reads.filter(([read]) => by(things, read))) {
      expect([name, textOf(await act(there, things), things)]).not.toEqual([
        name,
        textOf(await act(there, nothing.ids), nothing.ids),
      ]);
    }
  }
});

/** Lists by an account take its id only; the reversals of a transaction are empty. */
function by(things: Things, read: string): boolean {
  return /^(a key|an id)/.test(read) || (things === foreign.ids && !read.includes('reversals'));
}

test('cursors of one ledger reach no rows of another', async () => {
  const accounts = await there.listAccounts({}, PAGE);
  const ids = accounts.rows.map(({ id }) => id);
  for (const after of ids) {
    const page = await here.listAccounts({}, { ...PAGE, after });
    expect(page.rows.filter(({ id }) => ids.includes(id))).toEqual([]);
    const before = await here.listAccounts({}, { ...PAGE, before: after });
    expect(before.rows.filter(({ id }) => ids.includes(id))).toEqual([]);
  }
  const { head } = await there.state();
  expect(await there.listJournal(head.end, 10)).toBeDefined();
  expect(await here.listJournal(head.end, 10)).toBeUndefined();
});

describe('the same names in two ledgers', () => {
  test.each([true, false])('mean different things (optimistic: %s)', async (optimistic) => {
    const { engine: own } = await openLedger(database, { optimistic });
    const tag = randomUUID();
    const ledgers = await makeLedgers(own, database, [`left-${tag}`, `right-${tag}`]);
    const amounts = ['3.00', '5.00'];
    const accounts = await Promise.all(
      ledgers.map((ledger) => makeAccount(ledger, { externalId: 'wallet', funds: '100.00' })),
    );
    // The states are cached, so that the next commands are written optimistically.
    for (let round = 0; round < 3; round += 1) {
      for (const ledger of ledgers) {
        expectPosted(await deposit(ledger, { accountId: 'ext:wallet', amount: '1.00' }));
      }
    }
    const post = () =>
      Promise.all(
        ledgers.map((ledger, place) =>
          deposit(ledger, {
            accountId: 'ext:wallet',
            amount: amounts[place] ?? '',
            externalId: 'order 1',
            idempotencyKey: 'the same key',
          }),
        ),
      );
    for (const replayed of [false, true]) {
      for (const [place, outcome] of (await post()).entries()) {
        expectPosted(outcome);
        expect(outcome).toMatchObject({ replayed });
        expect(outcome.transaction.entries.map(({ amount }) => amount)).toContain(place === 0 ? 300n : 500n);
        expect(outcome.transaction.entries.map(({ accountId }) => formatId('account', accountId))).toContain(
          accounts[place],
        );
      }
    }
    const balances = ledgers.map((ledger) => balance(ledger, 'ext:wallet'));
    expect(await Promise.all(balances)).toEqual([10_600n, 10_800n]);
  });

  test('close different periods', async () => {
    const [left, right] = (await makeLedgers(engine, database, ['closed', 'open'])) as [Ledger, Ledger];
    const effectiveAt = BigInt(Date.parse('2020-01-01T00:00:00Z')) * 1000n;
    for (const ledger of [left, right]) await makeAccount(ledger, { externalId: 'a', funds: '1.00' });
    await left.closePeriod({ before: BigInt(Date.parse('2021-01-01T00:00:00Z')) * 1000n });
    // Both read the closed period on the regular path, and again by prediction.
    for (let round = 0; round < 3; round += 1) {
      const late = { accountId: 'ext:a', amount: '1.00', effectiveAt };
      expect(await deposit(left, late)).toMatchObject({ code: 'PERIOD_CLOSED' });
      expectPosted(await deposit(right, late));
    }
  });
});
