/** What a caller restricted to an owner tries, and cannot do. */
import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { accountOf } from '../../../src/core/access/restricted-outcomes.ts';
import { toAccountRequest } from '../../../src/core/create-account.ts';
import type { ConditionInput } from '../../../src/core/decide/conditions.ts';
import {
  toCapture,
  toDeposit,
  toHold,
  toJournal,
  toReversal,
  toVoid,
  toWithdrawal,
} from '../../../src/core/decide/request.ts';
import type { Outcome } from '../../../src/core/transaction.ts';
import { toStatusChange } from '../../../src/core/update-account.ts';
import { formatId, parseId, type Uuid } from '../../../src/core/values/ids.ts';
import type { Operation } from '../../../src/ledger/ledger.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import {
  balance,
  commandOf,
  deposit,
  expectPosted,
  expectSoundBooksWithoutLog,
  makeAccount,
  openLedger,
  transfer,
} from '../../support/ledger.ts';
import { asOwnerOf, pay, reserve, secondsAhead } from '../../support/restricted.ts';
import { statementsDuring } from '../../support/statements.ts';

const database = await createTestDatabase();
await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
const ledger = await openLedger(database);
const alice = asOwnerOf(ledger);
afterAll(() => expectSoundBooksWithoutLog(database));

const wallet = await makeAccount(ledger, { owner: 'alice', funds: '1000.00', externalId: 'alice:wallet' });
const savings = await makeAccount(ledger, { owner: 'alice' });
const bob = await makeAccount(ledger, { owner: 'bob', funds: '50.00', externalId: 'bob:wallet' });
const external = await externalAccount();
const NOBODY = formatId('account', randomUUID());
const toBob = { fromAccountId: wallet, toAccountId: bob };

async function externalAccount(): Promise<string> {
  const [row] = await asOwner<{ id: Uuid }>(
    database,
    `select id from accounts where kind = 'EXTERNAL' and currency = 'USD'`,
  );
  return formatId('account', row?.id ?? '');
}

const key = () => ({ idempotencyKey: randomUUID() });

/** Posts an operation for Alice in each way: alone, in both kinds of batches, and as a preview. */
async function attempts(operation: Operation): Promise<Outcome[]> {
  const command = commandOf(operation);
  const one = await alice.post(command);
  const independent = await alice.postBatch('INDEPENDENT', [command]);
  const atomic = await alice.postBatch('ATOMIC', [command]);
  const preview = await alice.preview(command);
  if (independent.code !== 'PROCESSED' || preview.code === 'PREVIEWED') throw new TypeError('not refused');
  const [second] = independent.outcomes;
  if (second === undefined || atomic.code !== 'BATCH_ABORTED') throw new TypeError('not refused');
  return [one, second, atomic.facts.cause, preview];
}

/** Expects that an operation has the same refusal in each way, and that it moved nothing and recorded nothing. */
async function expectRefused(operation: Operation, refusal: object): Promise<void> {
  const before = await countAll();
  for (const outcome of await attempts(operation)) {
    expect(outcome).toMatchObject({ ...refusal, recorded: false, replayed: false });
  }
  expect(await countAll()).toEqual(before);
}

const countAll = () =>
  asOwner(database, 'select (select count(*) from transactions) as a, (select count(*) from entries) as b');

describe('Alice cannot', () => {
  it('deposit to herself', () =>
    expectRefused(toDeposit({ accountId: wallet, amount: '1', ...key() }), { code: 'FORBIDDEN' }));

  it('withdraw', () =>
    expectRefused(toWithdrawal({ accountId: wallet, amount: '1', ...key() }), { code: 'FORBIDDEN' }));

  it('pay to the external account, which would be a withdrawal', () =>
    expectRefused(pay({ fromAccountId: wallet, toAccountId: external }), {
      code: 'COUNTERPARTY',
      facts: { account: parseId('account', external) },
    }));

  it('reserve for the external account', () =>
    expectRefused(reserve({ fromAccountId: wallet, toAccountId: external }), { code: 'COUNTERPARTY' }));

  it('pay from the external account, also if she is called external', async () => {
    await expectRefused(pay({ fromAccountId: external, toAccountId: wallet }), {
      code: 'ACCOUNT_NOT_FOUND',
      facts: { accountId: external },
    });
    const outcome = await asOwnerOf(ledger, 'external').post(
      commandOf(pay({ fromAccountId: external, toAccountId: wallet })),
    );
    expect(outcome).toMatchObject({ code: 'ACCOUNT_NOT_FOUND', facts: { accountId: external } });
  });

  it.for([bob, 'ext:bob:wallet', NOBODY, 'ext:nobody', 'acct_', ''])(
    'pay from %j, which is not hers or does not exist',
    (fromAccountId) =>
      expectRefused(pay({ fromAccountId, toAccountId: wallet }), {
        code: 'ACCOUNT_NOT_FOUND',
        facts: { accountId: fromAccountId },
      }),
  );

  it('post a journal', () =>
    expectRefused(
      toJournal({
        ...key(),
        keyAccountId: wallet,
        entries: [
          { accountId: bob, side: 'DEBIT', amount: '1' },
          { accountId: wallet, side: 'CREDIT', amount: '1' },
        ],
      }),
      { code: 'FORBIDDEN' },
    ));

  it('reverse her own payment', async () => {
    const paid = await alice.post(commandOf(pay(toBob)));
    expectPosted(paid);
    const transactionId = formatId('transaction', paid.transaction.id);
    await expectRefused(toReversal({ transactionId, ...key() }), { code: 'FORBIDDEN' });
  });

  it('capture or void a hold that a backend placed for her', async () => {
    const held = await ledger.post(commandOf(reserve({ fromAccountId: bob, toAccountId: wallet })));
    expectPosted(held);
    const holdId = formatId('hold', held.transaction.id);
    await expectRefused(toCapture({ holdId, ...key() }), { code: 'FORBIDDEN' });
    await expectRefused(toVoid({ holdId, ...key() }), { code: 'FORBIDDEN' });
  });

  it.for([undefined, 7 * 86_400 + 60])('hold Bob’s room with an expiry in %s seconds', (seconds) =>
    expectRefused(
      toHold({ ...toBob, ...key(), amount: '1', expiresAt: (seconds && secondsAhead(seconds)) || null }),
      { code: 'FORBIDDEN' },
    ),
  );

  it('take an externalId that a backend needs', async () => {
    const externalId = randomUUID();
    await expectRefused(pay({ ...toBob, externalId }), { code: 'FORBIDDEN' });
    await expectRefused(reserve({ ...toBob, externalId }), { code: 'FORBIDDEN' });
    expectPosted(await transfer(ledger, { ...toBob, amount: '1', externalId }));
  });

  it('take an idempotency key that a backend needs', async () => {
    const idempotencyKey = `order ${randomUUID()}`;
    const hers = await alice.post(commandOf(pay({ ...toBob, amount: '2.00', idempotencyKey })));
    const theirs = await transfer(ledger, { ...toBob, amount: '3.00', idempotencyKey });
    expectPosted(hers);
    expectPosted(theirs);
    expect([hers.replayed, theirs.replayed]).toEqual([false, false]);
    expect(theirs.transaction.id).not.toBe(hers.transaction.id);
    // The backend cannot take hers either.
    for (const taken of [`owner:${idempotencyKey}`, 'owner:']) {
      const refused = await transfer(ledger, { ...toBob, amount: '3.00', idempotencyKey: taken });
      expect(refused).toMatchObject({ code: 'INVALID_INPUT', facts: { field: 'idempotencyKey' } });
    }
  });

  it.for<readonly [name: string, account: string]>([
    ['Bob’s', bob],
    ['Bob’s by name', 'ext:bob:wallet'],
    ['the external', external],
    ['a missing', NOBODY],
    ['an unnamed', 'ext:nobody'],
    ['a malformed', 'x'],
  ])('set conditions on %s account', async ([, accountId]) => {
    const conditions: readonly ConditionInput[] = [
      { accountId: wallet, balanceAtLeast: '0' },
      { accountId, balanceAtLeast: '10' },
    ];
    await expectRefused(pay({ ...toBob, conditions }), { code: 'ACCOUNT_NOT_FOUND', facts: { accountId } });
    await expectRefused(reserve({ ...toBob, conditions }), {
      code: 'ACCOUNT_NOT_FOUND',
      facts: { accountId },
    });
  });

  it('learn from a key that was used, or from other mistakes, whether an account of a condition exists', async () => {
    const idempotencyKey = randomUUID();
    expectPosted(await alice.post(commandOf(pay({ ...toBob, idempotencyKey }))));
    const answers = await Promise.all(
      [bob, NOBODY, 'ext:bob:wallet', 'ext:nobody'].map(async (accountId) => {
        const conditions = [{ accountId, balanceAtMost: '0' }];
        const conflict = await alice.post(commandOf(pay({ ...toBob, idempotencyKey, conditions })));
        const same = await alice.post(commandOf(pay({ ...toBob, toAccountId: wallet, conditions })));
        return [conflict, same];
      }),
    );
    for (const [conflict, same] of answers) {
      expect(conflict).toMatchObject({
        code: 'IDEMPOTENCY_CONFLICT',
        facts: { differingFields: ['conditions'] },
      });
      expect(same).toMatchObject({ code: 'SAME_ACCOUNT' });
    }
  });

  it.each(['FROZEN', 'CLOSED'])(
    'learn that Bob’s account is %s without the money to pay him',
    async (status) => {
      const shut = await makeAccount(ledger, { owner: 'bob' });
      const change = toStatusChange(status === 'FROZEN' ? 'FREEZE' : 'CLOSE', { accountId: shut });
      if ('code' in change) throw new TypeError(change.code);
      expect(await ledger.changeAccount(shut, change)).toMatchObject({ account: { status } });
      const open = await makeAccount(ledger, { owner: 'bob' });
      for (const toAccountId of [open, shut]) {
        const ends = { fromAccountId: savings, toAccountId };
        for (const outcome of await attempts(pay(ends))) {
          expect(outcome).toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
        }
        const conditions = [{ accountId: wallet, balanceAtLeast: '999999' }];
        for (const outcome of await attempts(reserve({ fromAccountId: wallet, toAccountId, conditions }))) {
          expect(outcome).toMatchObject({ code: 'CONDITION_FAILED' });
        }
      }
      for (const outcome of await attempts(pay({ fromAccountId: wallet, toAccountId: shut }))) {
        expect(outcome).toMatchObject({ code: 'COUNTERPARTY' });
      }
    },
  );

  it('read Bob’s limit by previews: they say neither the limit nor by how much it is exceeded', async () => {
    const limited = await makeAccount(ledger, {
      owner: 'bob',
      maxBalance: { amount: '12.34' },
      funds: '2.22',
    });
    const preview = (amount: string) =>
      alice.preview(commandOf(pay({ fromAccountId: wallet, toAccountId: limited, amount })));
    const fits = await preview('10.12');
    if (fits.code !== 'PREVIEWED') throw new TypeError(`refused: ${fits.code}`);
    expect(fits.entries.map(({ accountId }) => formatId('account', accountId))).toEqual([wallet]);
    for (const amount of ['10.13', '900.00']) {
      expect(await preview(amount)).toEqual({
        code: 'COUNTERPARTY',
        facts: { account: parseId('account', limited) },
        recorded: false,
        retryable: false,
        replayed: false,
      });
    }
  });
});

describe('Alice can', () => {
  it('pay anybody, also by name, and herself', async () => {
    const before = await balance(ledger, bob);
    for (const fromAccountId of [wallet, 'ext:alice:wallet']) {
      for (const toAccountId of [bob, 'ext:bob:wallet', savings]) {
        expectPosted(await alice.post(commandOf(pay({ fromAccountId, toAccountId }))));
      }
    }
    expect(await balance(ledger, bob)).toBe(before + 400n);
  });

  it('reserve money for at most a week, on conditions on her own accounts', async () => {
    const conditions = [{ accountId: 'ext:alice:wallet', availableAtLeast: '1' }];
    const expiresAt = secondsAhead(7 * 86_400 - 60);
    expectPosted(await alice.post(commandOf(reserve({ ...toBob, conditions, expiresAt }))));
  });

  it('see the reason of a refusal about her own account', async () => {
    const command = commandOf(pay({ ...toBob, amount: '1000000' }));
    const outcome = await alice.post(command);
    expect(outcome).toMatchObject({ code: 'INSUFFICIENT_FUNDS', recorded: true });
    expect('facts' in outcome && accountOf(outcome)).toBe(parseId('account', wallet));
    const conditions = [{ accountId: wallet, expectedVersion: 999_999n }];
    expect(await alice.post(commandOf(pay({ ...toBob, conditions })))).toMatchObject({
      code: 'CONDITION_FAILED',
      recorded: true,
    });
  });
});

describe('a refusal about a foreign account', () => {
  /** Makes an account of Bob's that cannot receive, for a reason. */
  async function unable(code: string): Promise<string> {
    const id = await makeAccount(ledger, {
      owner: 'bob',
      ...(code === 'BALANCE_LIMIT_EXCEEDED' ? { maxBalance: { amount: '0.50' } } : {}),
      ...(code === 'INSUFFICIENT_FUNDS' ? { normalSide: 'DEBIT' as const } : {}),
    });
    const status = { ACCOUNT_FROZEN: 'FROZEN', ACCOUNT_CLOSED: 'CLOSED' }[code];
    if (status !== undefined) {
      await asOwner(
        database,
        `update accounts set status = '${status}' where id = '${parseId('account', id)}'`,
      );
    }
    return id;
  }

  it.for(['ACCOUNT_FROZEN', 'ACCOUNT_CLOSED', 'BALANCE_LIMIT_EXCEEDED', 'INSUFFICIENT_FUNDS'])(
    '%s is COUNTERPARTY in answers, replays, batches, previews and outcomeByKey; the record has the facts',
    async (code) => {
      const toAccountId = await unable(code);
      const account = parseId('account', toAccountId);
      const shown = (replayed: boolean, recorded = true) => ({
        code: 'COUNTERPARTY',
        facts: { account },
        recorded,
        retryable: false,
        replayed,
      });
      const idempotencyKey = randomUUID();
      const command = commandOf(pay({ fromAccountId: wallet, toAccountId, idempotencyKey }));
      expect(await alice.preview(command)).toEqual(shown(false, false));
      expect(await alice.outcomeByKey(wallet, idempotencyKey)).toBeUndefined();
      expect(await alice.post(command)).toEqual(shown(false));
      expect(await alice.post(command)).toEqual(shown(true));
      expect(await alice.outcomeByKey(wallet, idempotencyKey)).toEqual(shown(true));
      expect(await alice.postBatch('INDEPENDENT', [command])).toMatchObject({ outcomes: [shown(true)] });
      const fine = commandOf(pay(toBob));
      expect(await alice.postBatch('ATOMIC', [fine, command])).toMatchObject({
        code: 'BATCH_ABORTED',
        facts: { index: 1, cause: shown(true) },
      });
      const fresh = commandOf(pay({ fromAccountId: wallet, toAccountId }));
      expect(await alice.postBatch('ATOMIC', [fine, fresh])).toMatchObject({
        code: 'BATCH_ABORTED',
        facts: { index: 1, cause: shown(false) },
      });

      const rows = await asOwner(
        database,
        `select outcome, facts::jsonb as facts from transactions where idempotency_key = 'owner:${idempotencyKey}'`,
      );
      expect(rows).toMatchObject([{ outcome: code, facts: { account } }]);
      // Callers without the restriction see it whole.
      expect(await ledger.outcomeByKey(wallet, `owner:${idempotencyKey}`)).toMatchObject({
        code,
        replayed: true,
        facts: { account },
      });
    },
  );
});

describe('outcomeByKey', () => {
  it('finds the keys of own accounts only, as they were sent', async () => {
    const idempotencyKey = randomUUID();
    const paid = await alice.post(commandOf(pay({ ...toBob, idempotencyKey })));
    expectPosted(paid);
    for (const account of [wallet, 'ext:alice:wallet']) {
      expect(await alice.outcomeByKey(account, idempotencyKey)).toMatchObject({
        code: 'POSTED',
        replayed: true,
        transaction: { id: paid.transaction.id },
      });
    }
    expect(await alice.outcomeByKey(wallet, `owner:${idempotencyKey}`)).toBeUndefined();
    expect(await alice.outcomeByKey(wallet, 'k'.repeat(250))).toBeUndefined();
    expect(await alice.outcomeByKey(wallet, '')).toBeUndefined();
    expect(await asOwnerOf(ledger, 'bob').outcomeByKey(wallet, idempotencyKey)).toBeUndefined();
    // A backend's key of the same account is not hers.
    expectPosted(await deposit(ledger, { accountId: wallet, amount: '1', idempotencyKey: 'backend' }));
    expect(await alice.outcomeByKey(wallet, 'backend')).toBeUndefined();
  });
});

describe('the same statements are sent for foreign accounts as for missing ones', () => {
  /** Returns the statements without their values. */
  async function statementsOf(run: () => Promise<unknown>): Promise<string[]> {
    const sent = await statementsDuring(database, run);
    return sent.map((message) => message.replace(/^.*?(statement|execute [^:]+): /s, '').trim());
  }

  it.for<readonly [name: string, run: (accountId: string) => Promise<unknown>]>([
    ['in a payment', (fromAccountId) => alice.post(commandOf(pay({ fromAccountId, toAccountId: wallet })))],
    [
      'in a condition',
      (accountId) =>
        alice.post(commandOf(pay({ ...toBob, conditions: [{ accountId, balanceAtLeast: '0' }] }))),
    ],
    [
      'in a preview',
      (fromAccountId) => alice.preview(commandOf(pay({ fromAccountId, toAccountId: wallet }))),
    ],
    ['in outcomeByKey', (account) => alice.outcomeByKey(account, 'k')],
  ])('%s', async ([, run]) => {
    // All that is cached for an unrestricted caller is cached.
    expectPosted(
      await transfer(ledger, { fromAccountId: 'ext:bob:wallet', toAccountId: wallet, amount: '0.01' }),
    );
    for (const [foreign, missing] of [
      [bob, NOBODY],
      ['ext:bob:wallet', 'ext:nobody'],
    ]) {
      for (let times = 0; times < 2; times += 1) {
        const ofForeign = await statementsOf(() => run(foreign ?? ''));
        expect(ofForeign.length).toBeGreaterThan(0);
        expect(ofForeign).toEqual(await statementsOf(() => run(missing ?? '')));
      }
    }
  });
});

it('no account of a user can have the owner external', () => {
  const input = { owner: 'external', currency: 'USD', normalSide: 'CREDIT' } as const;
  expect(toAccountRequest(input, 'accounts[3].')).toMatchObject({
    code: 'INVALID_INPUT',
    facts: { field: 'accounts[3].owner' },
  });
});
