import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { makeCallers } from '../../scripts/fuzz/callers.ts';
import { toAccountRequest } from '../../src/core/create-account.ts';
import type { Command } from '../../src/core/decide/command.ts';
import {
  toCapture,
  toHold,
  toReversal,
  toTransfer,
  toVoid,
  toWithdrawal,
} from '../../src/core/decide/request.ts';
import { toAccountUpdate } from '../../src/core/update-account.ts';
import { formatId, parseId } from '../../src/core/values/ids.ts';
import type { BatchMode, Ledger } from '../../src/ledger/ledger.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import {
  commandOf,
  deposit,
  expectPosted,
  expectSoundBooks,
  makeAccount,
  openLedger,
} from '../support/ledger.ts';

const database = await createTestDatabase();
const optimistic = await openLedger(database);
const regular = await openLedger(database, { optimistic: false });
afterAll(() => expectSoundBooks(database));

const [alice, bob] = await makeCallers(optimistic.engine, ['alice', 'bob']);
if (alice === undefined || bob === undefined) throw new TypeError('there are two callers');
const ALICE = alice.actor?.id;
const BOB = bob.actor?.id;

/** Returns the actors of the recorded outcomes of these keys, in their order. */
async function actorsOf(keys: readonly (string | null)[]): Promise<(string | null)[]> {
  const rows = await asOwner<{ key: string; actor: string | null }>(
    database,
    `select idempotency_key as key, actor from transactions where idempotency_key in (${keys.map((key) => `'${key}'`).join()})`,
  );
  expect(rows).toHaveLength(keys.length);
  const found = new Map(rows.map(({ key, actor }) => [key, actor]));
  return keys.map((key) => found.get(key ?? '') ?? null);
}

const rich = await makeAccount(optimistic, { funds: '1000000.00' });
const poor = await makeAccount(optimistic, { minBalance: { amount: '0' } });
const newKey = () => ({ idempotencyKey: randomUUID() });
const posted = () =>
  commandOf(toTransfer({ fromAccountId: rich, toAccountId: poor, amount: '1', ...newKey() }));
const declined = () => commandOf(toWithdrawal({ accountId: poor, amount: '999999999', ...newKey() }));
const times = (count: number, make: () => Command) => Array.from({ length: count }, make);

describe.for<readonly [name: string, ledger: Ledger]>([
  ['optimistic', optimistic],
  ['regular', regular],
])('on the %s path, the caller is the actor of', ([, ledger]) => {
  it.for([
    ['a command', 1],
    ['many commands at once', 40],
  ] as const)('%s, posted or declined', async ([, count]) => {
    const commands = [...times(count, posted), ...times(count, declined)];
    const outcomes = await Promise.all(
      commands.map((command, place) => ledger.as(place % 2 === 0 ? alice : bob).post(command)),
    );
    const expected = commands.map((_, place) => (place % 2 === 0 ? ALICE : BOB));
    expect(await actorsOf(commands.map(({ idempotencyKey }) => idempotencyKey))).toEqual(expected);
    expect(new Set(outcomes.map(({ code }) => code))).toEqual(new Set(['POSTED', 'INSUFFICIENT_FUNDS']));
    const shown = outcomes.flatMap((outcome, place) =>
      outcome.code === 'POSTED' ? [[outcome.transaction.actor, expected[place]]] : [],
    );
    for (const [actor, due] of shown) expect(actor).toBe(due);
  });

  it.for<readonly [mode: BatchMode, posted: number, declined: number]>([
    ['INDEPENDENT', 5, 5],
    ['INDEPENDENT', 500, 200],
    ['ATOMIC', 5, 0],
    ['ATOMIC', 150, 0],
    ['ATOMIC', 3, 1],
  ])('each outcome of a batch: %s, %i posted, %i declined', async ([mode, good, bad]) => {
    const commands = [...times(good, posted), ...times(bad, declined)];
    const answer = await ledger.as(bob).postBatch(mode, commands);
    const isAborted = mode === 'ATOMIC' && bad > 0;
    expect(answer.code).toBe(isAborted ? 'BATCH_ABORTED' : 'PROCESSED');
    // Of an aborted batch, only the refusal is recorded.
    const recorded = isAborted ? commands.slice(good) : commands;
    expect(await actorsOf(recorded.map(({ idempotencyKey }) => idempotencyKey))).toEqual(
      recorded.map(() => BOB),
    );
  });

  it('a capture and a reversal of what an earlier operation of the same ATOMIC batch posted', async () => {
    const [held, paid] = [randomUUID(), randomUUID()];
    const ends = { fromAccountId: rich, toAccountId: poor, amount: '3' };
    const commands = [
      toHold({ ...ends, externalId: held, ...newKey() }),
      toCapture({ holdId: `ext:${held}`, ...newKey() }),
      toTransfer({ ...ends, externalId: paid, ...newKey() }),
      toReversal({ transactionId: `ext:${paid}`, ...newKey() }),
    ].map(commandOf);
    const answer = await ledger.as(bob).postBatch('ATOMIC', commands);
    expect(answer.code).toBe('PROCESSED');
    expect(await actorsOf(commands.map(({ idempotencyKey }) => idempotencyKey))).toEqual(
      commands.map(() => BOB),
    );
  });

  it('a capture, a void and a reversal of another caller’s hold or transaction', async () => {
    const hold = async () => {
      const command = toHold({ fromAccountId: rich, toAccountId: poor, amount: '2', ...newKey() });
      const placed = await ledger.as(alice).post(commandOf(command));
      expectPosted(placed);
      expect(placed.transaction.actor).toBe(ALICE);
      return formatId('hold', placed.transaction.id);
    };
    const original = await ledger.as(alice).post(posted());
    expectPosted(original);
    for (const command of [
      toCapture({ holdId: await hold(), ...newKey() }),
      toVoid({ holdId: await hold(), ...newKey() }),
      toReversal({ transactionId: formatId('transaction', original.transaction.id), ...newKey() }),
    ]) {
      const outcome = await ledger.as(bob).post(commandOf(command));
      expectPosted(outcome);
      expect(outcome.transaction.actor).toBe(BOB);
    }
  });

  it('nothing where the caller has no credential', async () => {
    const command = posted();
    expectPosted(await ledger.post(command));
    expect(await actorsOf([command.idempotencyKey])).toEqual([null]);
  });

  it('the first request with a key: another caller receives the same outcome', async () => {
    for (const command of [posted(), declined()]) {
      const first = await ledger.as(alice).post(command);
      for (const caller of [bob, alice]) {
        expect(await ledger.as(caller).post(command)).toEqual({ ...first, hold: undefined, replayed: true });
      }
      const batch = await ledger.as(bob).postBatch('INDEPENDENT', [command]);
      expect(batch).toMatchObject({ outcomes: [{ ...first, replayed: true }] });
      expect(await actorsOf([command.idempotencyKey])).toEqual([ALICE]);
    }
  });

  it('one of two concurrent requests with one key, and both receive the same outcome', async () => {
    const commands = times(20, posted);
    for (const command of commands) {
      const [one, two] = await Promise.all([ledger.as(alice).post(command), ledger.as(bob).post(command)]);
      expectPosted(one);
      expectPosted(two);
      expect(two.transaction).toEqual(one.transaction);
      expect(await actorsOf([command.idempotencyKey])).toEqual([one.transaction.actor]);
    }
  });

  it('an account that the caller creates, and not of the external account', async () => {
    const currency = ledger === optimistic ? 'CHF' : 'SEK';
    const request = { owner: 'a', currency, normalSide: 'CREDIT' as const, ...newKey() };
    const create = (by: Ledger) => {
      const wanted = toAccountRequest(request);
      return 'code' in wanted ? expect.unreachable() : by.createAccount(wanted);
    };
    const made = await create(ledger.as(alice));
    expect(made).toMatchObject({ code: 'CREATED', account: { actor: ALICE }, replayed: false });
    expect(await create(ledger.as(bob))).toEqual({ ...made, replayed: true });
    const kinds = await asOwner(
      database,
      `select kind, actor from accounts where currency = '${currency}' order by kind`,
    );
    expect(kinds).toEqual([
      { kind: 'EXTERNAL', actor: null },
      { kind: 'STANDARD', actor: ALICE },
    ]);
  });

  it('an audit event of an account, a currency and a period', async () => {
    const accountId = await makeAccount(ledger);
    const by = ledger.as(alice);
    const change = toAccountUpdate({ accountId, minBalance: { amount: '0' }, ...newKey() });
    if ('code' in change) return expect.unreachable();
    const requestId = randomUUID();
    expect(await by.changeAccount(accountId, change, requestId)).toMatchObject({ code: 'UPDATED' });
    // A repetition by another caller adds no event.
    expect(await ledger.as(bob).changeAccount(accountId, change, requestId)).toMatchObject({
      replayed: true,
    });
    const code = ledger === optimistic ? 'GOLD' : 'SILVER';
    expect(await by.registerCurrency({ code, exponent: 2 }, requestId)).toMatchObject({ code: 'REGISTERED' });
    const before = BigInt(Date.UTC(ledger === optimistic ? 2001 : 2002, 0)) * 1000n;
    expect(await by.closePeriod({ before }, requestId)).toMatchObject({ code: 'CLOSED' });
    await ledger.changeAccount(accountId, { kind: 'FREEZE', idempotencyKey: null }, requestId);
    expect(
      await asOwner(
        database,
        `select action, actor from audit_events where request_id = '${requestId}' order by number`,
      ),
    ).toEqual([
      { action: 'updateAccount', actor: ALICE },
      { action: 'createCurrency', actor: ALICE },
      { action: 'closePeriod', actor: ALICE },
      { action: 'freezeAccount', actor: null },
    ]);
  });

  it('no expiry, even of a hold of a caller', async () => {
    const by = ledger.as(alice);
    const expiresAt = BigInt(Date.now() + 30) * 1000n;
    const accounts = { fromAccountId: rich, toAccountId: poor };
    const placed = await by.post(commandOf(toHold({ ...accounts, amount: '2', expiresAt, ...newKey() })));
    expectPosted(placed);
    const { id } = placed.transaction;
    await expect.poll(() => by.releaseHolds([id]), { timeout: 5000 }).toBe(1);
    expect(
      await asOwner(database, `select actor from transactions where hold_id = '${id}' and type = 'RELEASE'`),
    ).toEqual([{ actor: null }]);
  });
});

it('is read with the transaction and the account', async () => {
  const by = regular.as(bob);
  const accountId = await makeAccount(by);
  const uuid = parseId('account', accountId) ?? '';
  expect((await regular.findAccounts([uuid])).get(uuid)).toMatchObject({ actor: BOB });
  const outcome = await deposit(by, { accountId, amount: '1' });
  expectPosted(outcome);
  const { id } = outcome.transaction;
  expect((await regular.findTransactions([id])).get(id)).toEqual(outcome.transaction);
});
