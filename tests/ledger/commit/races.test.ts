import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { parseId } from '../../../src/core/values/ids.ts';
import { asOwner, connect, createTestDatabase } from '../../support/database.ts';
import {
  balance,
  deposit,
  expectPosted,
  expectSoundBooksWithoutLog,
  makeAccount,
  makeAccounts,
  openLedger,
  transfer,
} from '../../support/ledger.ts';
import { watchLockWaits } from '../lock-waits.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooksWithoutLog(database));
const untilSessionWaits = await watchLockWaits(database);

test('a transfer in a period that is closed while it is in flight is rejected', async () => {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  const closer = await connect(database.ownerUrl);
  await closer.query('begin');
  await closer.query(`update ledgers set closed_before = '2026-01-01T00:00:00Z'`);

  const late = transfer(ledger, {
    fromAccountId: from,
    toAccountId: to,
    amount: '1.00',
    effectiveAt: BigInt(Date.parse('2025-12-31T23:59:59Z')) * 1000n,
  });
  await untilSessionWaits();
  await closer.query('commit');

  expect(await late).toMatchObject({
    code: 'PERIOD_CLOSED',
    facts: { closedBefore: BigInt(Date.parse('2026-01-01T00:00:00Z')) * 1000n },
  });
  expect(await balance(ledger, to)).toBe(1000n);
  expectPosted(
    await transfer(ledger, {
      fromAccountId: from,
      toAccountId: to,
      amount: '1.00',
      effectiveAt: BigInt(Date.parse('2026-01-01T00:00:00Z')) * 1000n,
    }),
  );
});

test('commands that wait for their accounts are rejected if their period is closed meanwhile', async () => {
  const other = await openLedger(database);
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  const before = BigInt(Date.parse('2026-02-01T00:00:00Z')) * 1000n;
  const holder = await connect(database.ownerUrl);
  await holder.query('begin');
  await holder.query('select from accounts where id = $1 for update', [parseId('account', from)]);

  const pay = (effectiveAt: bigint) =>
    transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '1.00', effectiveAt });
  const waiting = [pay(before - 1n), pay(before)];
  await untilSessionWaits();
  // A closing waits for no account.
  expect(await other.closePeriod({ before })).toMatchObject({
    code: 'CLOSED',
    ledger: { closedBefore: before },
  });
  await holder.query('commit');

  const [late, timely] = await Promise.all(waiting);
  expect(late).toMatchObject({ code: 'PERIOD_CLOSED', facts: { closedBefore: before } });
  expect(timely).toMatchObject({ code: 'POSTED' });
});

test('a closing waits for a block in flight, and after its answer nothing is posted in the period', async () => {
  const other = await openLedger(database);
  const accounts = await makeAccounts(ledger, 8, { funds: '10.00' });
  const start = BigInt(Date.parse('2026-03-01T00:00:00Z')) * 1000n;
  // Each step closes the period during transfers whose effectiveAt is right before its end.
  for (let step = 1n; step <= 10n; step += 1n) {
    const pay = (by: typeof ledger, place: number) =>
      transfer(by, {
        fromAccountId: accounts[place % 8] ?? '',
        toAccountId: accounts[(place + 1) % 8] ?? '',
        amount: '0.01',
        effectiveAt: start + step - 1n,
      });
    const transfers = Array.from({ length: 16 }, (_, place) => pay(place % 2 === 0 ? ledger : other, place));
    const closed = await other.closePeriod({ before: start + step });
    const after = await Promise.all([pay(ledger, 0), pay(other, 1)]);

    expect(closed).toMatchObject({ code: 'CLOSED', ledger: { closedBefore: start + step } });
    for (const outcome of after) expect(outcome).toMatchObject({ code: 'PERIOD_CLOSED' });
    const codes = new Set((await Promise.all(transfers)).map(({ code }) => code));
    expect([...codes].filter((code) => code !== 'POSTED' && code !== 'PERIOD_CLOSED')).toEqual([]);
  }
});

describe('closing a period', () => {
  /** Returns the latest instant that can be closed. */
  const latest = async () => {
    const [row] = await asOwner<{ at: string }>(
      database,
      `select floor(extract(epoch from clock_timestamp()) * 1000000)::text as at`,
    );
    return BigInt(row?.at ?? 0) - 5_000_000n;
  };
  const closings = async (target = database) => {
    const [row] = await asOwner<{ count: number }>(
      target,
      `select count(*)::int as count from audit_events where action = 'closePeriod'`,
    );
    return row?.count;
  };

  test('that is already closed waits for nothing and writes nothing', async () => {
    const before = await latest();
    expect(await ledger.closePeriod({ before })).toMatchObject({ code: 'CLOSED' });
    const count = await closings();
    const holder = await connect(database.ownerUrl);
    await holder.query('begin');
    await holder.query('select from ledgers for update');
    const repeated = [ledger.closePeriod({ before }), ledger.closePeriod({ before: before - 1_000_000n })];
    for (const answer of await Promise.all(repeated)) {
      expect(answer).toMatchObject({ code: 'CLOSED', ledger: { closedBefore: before } });
    }
    await holder.query('commit');
    expect(await closings()).toBe(count);
  });

  test('does not delay postings while it waits for the audit log', async () => {
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
    const holder = await connect(database.ownerUrl);
    await holder.query('begin');
    await holder.query('select from audit_heads for update');
    const closing = ledger.closePeriod({ before: await latest() });
    await untilSessionWaits();
    await asOwner(database, 'select from ledgers for update nowait');
    expectPosted(await transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '1.00' }));
    await holder.query('commit');
    expect(await closing).toMatchObject({ code: 'CLOSED' });
  });

  test('merges simultaneous requests into one change with the latest instant', async () => {
    const own = await createTestDatabase();
    const alone = await openLedger(own);
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, place) => {
        const before = BigInt(1_000_000 + place);
        return { before, answer: await alone.closePeriod({ before }) };
      }),
    );
    for (const { before, answer } of answers) {
      if (answer.code !== 'CLOSED') throw new TypeError(`refused: ${answer.code}`);
      expect(answer.ledger.closedBefore).toBeGreaterThanOrEqual(before);
    }
    expect(await alone.state()).toMatchObject({ closedBefore: 1_000_039n });
    // The requests' reads end at different times, so that there may be a few changes.
    expect(await closings(own)).toBeLessThanOrEqual(8);
  });

  test('causes no retry of a posting without effectiveAt', async () => {
    const own = await openLedger(database);
    const accounts = await makeAccounts(own, 8, { funds: '100.00' });
    let retries = 0;
    own.observe((batch) => {
      retries += batch.retries;
    });
    let isOver = false;
    const closed: string[] = [];
    const closers = [ledger, own].map(async (by) => {
      while (!isOver) {
        const before = await latest();
        // A closing at the present instant is rejected.
        expect(await by.closePeriod({ before: before + 5_000_000n })).toMatchObject({
          code: 'INVALID_INPUT',
          facts: { field: 'before' },
        });
        closed.push((await by.closePeriod({ before })).code);
      }
    });
    const codes = new Set<string>();
    for (let round = 0; round < 60; round += 1) {
      const outcomes = Array.from({ length: 8 }, (_, place) =>
        transfer(own, {
          fromAccountId: accounts[place] ?? '',
          toAccountId: accounts[(place + 1 + (round % 7)) % 8] ?? '',
          amount: '0.01',
        }),
      );
      for (const { code } of await Promise.all(outcomes)) codes.add(code);
    }
    isOver = true;
    await Promise.all(closers);
    expect(codes).toEqual(new Set(['POSTED']));
    expect(new Set(closed)).toEqual(new Set(['CLOSED']));
    expect(retries).toBe(0);
  });
});

test('a command that waited for a locked account is decided on the state that the lock’s holder left', async () => {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  const holder = await connect(database.ownerUrl);
  await holder.query('begin');
  await holder.query(`update accounts set status = 'FROZEN' where id = $1`, [parseId('account', from)]);

  const waiting = transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '1.00' });
  await untilSessionWaits();
  // A command on another account does not wait.
  expectPosted(await deposit(ledger, { accountId: await makeAccount(ledger), amount: '1.00' }));
  await holder.query('commit');

  expect(await waiting).toMatchObject({
    code: 'ACCOUNT_FROZEN',
    facts: { account: parseId('account', from) },
  });
});

test('two services that take the same externalIds in opposite order post each of them once', async () => {
  const other = await openLedger(database);
  const accounts = await makeAccounts(ledger, 8);
  const events = Array.from({ length: 40 }, () => `event-${randomUUID()}`);

  const outcomes = await Promise.all(
    [ledger, other].flatMap((service, which) =>
      (which === 0 ? events : events.toReversed()).map((externalId, place) =>
        deposit(service, { accountId: accounts[(place + which * 4) % 8] ?? '', amount: '1.00', externalId }),
      ),
    ),
  );

  expect(outcomes.filter(({ code }) => code === 'POSTED')).toHaveLength(40);
  expect(outcomes.filter(({ code }) => code === 'EXTERNAL_ID_TAKEN')).toHaveLength(40);
});

test('createdAt increases with an account’s versions even if the clock was set back', async () => {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  await asOwner(
    database,
    `update accounts set last_at = now() + interval '1 hour' where id = '${parseId('account', from)}'`,
  );
  const first = await transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '1.00' });
  const second = await transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '1.00' });

  expectPosted(first);
  expectPosted(second);
  expect(second.transaction.createdAt).toBe(first.transaction.createdAt + 1n);
});

test('after closing there is no connection, lock or prepared transaction', async () => {
  const own = await createTestDatabase();
  const closing = await openLedger(own);
  const [from = '', to = ''] = await makeAccounts(closing, 2, { funds: '10.00' });
  await Promise.all(
    Array.from({ length: 30 }, () =>
      transfer(closing, { fromAccountId: from, toAccountId: to, amount: '1.00' }),
    ),
  );
  await closing.close();

  const left = async () =>
    (
      await asOwner<{ connections: number; prepared: number }>(
        own,
        `select (select count(*)::int from pg_stat_activity where datname = '${own.name}' and backend_type = 'client backend' and pid <> pg_backend_pid()) as connections,
          (select count(*)::int from pg_prepared_xacts) as prepared`,
      )
    )[0];
  // A backend ends shortly after its connection.
  for (let attempt = 0; attempt < 250 && (await left())?.connections !== 0; attempt += 1) await sleep(20);
  expect(await left()).toEqual({ connections: 0, prepared: 0 });
});
