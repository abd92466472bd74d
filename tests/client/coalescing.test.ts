// Calls of one turn share requests, and each keeps its own key, result, deadline and signal.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  createLedgerClient,
  isPosted,
  isRefusal,
  OutcomeUnknown,
  RequestRejected,
  Unreachable,
} from '../../src/client/index.ts';
import { parseId } from '../../src/core/values/ids.ts';
import { serve } from '../graphql/api.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, makeAccounts, openLedger } from '../support/ledger.ts';
import { type Sent, watch } from './watched.ts';

const database = await createTestDatabase();
const books = await openLedger(database);
const { server } = await serve(books);
const url = `${server.url}/graphql`;
const plain = createLedgerClient({ url, coalesce: false });
afterAll(() => expectSoundBooks(database));

function watchedClient(answer?: Parameters<typeof watch>[0], options: object = {}) {
  const watched = watch(answer);
  return { ...watched, ledger: createLedgerClient({ url, fetch: watched.fetch, ...options }) };
}

/** Accounts with 10,000.00 and with nothing. */
async function payers(count = 1) {
  const from = await makeAccounts(books, count, { funds: '10000' });
  const toAccountId = await makeAccount(books);
  const paid = async () => (await plain.account(toAccountId))?.balance.amount;
  const input = (index = 0, amount = '0.01') => ({
    fromAccountId: from[index % from.length] ?? '',
    toAccountId,
    amount,
  });
  return { input, paid, from, toAccountId };
}

function many<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const shapes = (sent: readonly Sent[]) => sent.map(({ name, size }) => `${name} ${size}`);

function refusal(code: string, facts: object = {}) {
  return { __typename: 'X', code, message: code, retryable: true, replayed: false, ...facts };
}

describe('calls of one turn', () => {
  it('share one postBatch, and each returns the result of its own mutation', async () => {
    const { input, paid } = await payers(10);
    const { ledger, sent } = watchedClient();
    const results = await Promise.all(many(500, (index) => ledger.transfer(input(index))));
    expect(shapes(sent)).toEqual(['mutation PostOperations 500']);
    expect(new Set(sent[0]?.keys).size).toBe(500);
    expect(results.map((result) => isPosted(result) && result.transaction.idempotencyKey)).toEqual(
      sent[0]?.keys,
    );
    expect(await paid()).toBe('5.00');
  });

  it('go by single mutations where `coalesce` is false', async () => {
    const { input } = await payers(1);
    const { ledger, sent } = watchedClient(undefined, { coalesce: false });
    await Promise.all(many(20, () => ledger.transfer(input())));
    expect(shapes(sent)).toEqual(many(20, () => 'mutation Transfer 1'));
  });

  it('that is one call goes as its own mutation', async () => {
    const { input } = await payers(1);
    const { ledger, sent } = watchedClient();
    await ledger.transfer(input());
    await ledger.transfer(input());
    expect(shapes(sent)).toEqual(['mutation Transfer 1', 'mutation Transfer 1']);
  });

  it('of all kinds that move money share it', async () => {
    const { input, from } = await payers(1);
    const [accountId = ''] = from;
    const hold = async () => {
      const placed = await plain.placeHold(input(0, '1'));
      return isPosted(placed) ? placed.hold.id : '';
    };
    const [toCapture, toVoid] = [await hold(), await hold()];
    const paidIn = await plain.deposit({ accountId, amount: '1' });
    const { fromAccountId, toAccountId } = input();
    const { ledger, sent } = watchedClient();
    const results = await Promise.all([
      ledger.deposit({ accountId, amount: '1' }),
      ledger.withdraw({ accountId, amount: '1' }),
      ledger.transfer(input()),
      ledger.postTransaction({
        keyAccountId: fromAccountId,
        entries: [
          { accountId: fromAccountId, side: 'DEBIT', amount: '1' },
          { accountId: toAccountId, side: 'CREDIT', amount: '1' },
        ],
      }),
      ledger.reverseTransaction({ transactionId: isPosted(paidIn) ? paidIn.transaction.id : '' }),
      ledger.placeHold(input()),
      ledger.captureHold({ holdId: toCapture }),
      ledger.voidHold({ holdId: toVoid }),
    ]);
    expect(shapes(sent)).toEqual(['mutation PostOperations 8']);
    expect(results.map((result) => isPosted(result) && result.transaction.type)).toEqual([
      'DEPOSIT',
      'WITHDRAWAL',
      'TRANSFER',
      'JOURNAL',
      'REVERSAL',
      'HOLD',
      'CAPTURE',
      'RELEASE',
    ]);
  });

  it('that create accounts share one createAccounts', async () => {
    const { ledger, sent } = watchedClient();
    const results = await Promise.all([
      ...many(99, (index) => ledger.createAccount({ owner: `owner ${index}`, currency: 'USD' })),
      ledger.createAccount({ owner: '', currency: 'USD' }),
    ]);
    expect(shapes(sent)).toEqual(['mutation CreateAccounts 100']);
    const owners = results.map((result) => (isRefusal(result) ? result.code : result.account.owner));
    expect(owners).toEqual([...many(99, (index) => `owner ${index}`), 'INVALID_INPUT']);
    expect(results[99]).toMatchObject({ field: 'owner', message: expect.stringMatching(/^owner /) });
  });

  it('stay below the cost that the service takes, and its size of a batch', async () => {
    const { input, from } = await payers(1);
    const [accountId = ''] = from;
    const entries = many(50, () => [
      { accountId, side: 'DEBIT', amount: '0.01' } as const,
      { accountId, side: 'CREDIT', amount: '0.01' } as const,
    ]).flat();
    const conditions = many(100, () => ({ accountId, balanceAtLeast: '0' }));
    const posted = await Promise.all(many(120, () => plain.deposit({ accountId, amount: '0.01' })));
    const { ledger, sent } = watchedClient();
    const results = await Promise.all([
      ...posted.map((each) =>
        ledger.reverseTransaction({ transactionId: isPosted(each) ? each.transaction.id : '' }),
      ),
      ...many(120, () => ledger.postTransaction({ keyAccountId: accountId, entries })),
      ...many(250, () => ledger.transfer({ ...input(), conditions })),
    ]);
    expect(results.filter((result) => !isPosted(result))).toEqual([]);
    expect(sent.every(({ name }) => name === 'mutation PostOperations')).toBe(true);
    // 120 reversals and 120 journals are too much for two requests, and the transfers are too large for one.
    expect(sent.length).toBeLessThanOrEqual(6);
    expect(sent.reduce((sum, { size }) => sum + size, 0)).toBe(490);
  });

  it('stay below 1 MiB a request', async () => {
    const { input } = await payers(1);
    const metadata = Object.fromEntries(many(8, (index) => [`k${index}`, 'é'.repeat(490)]));
    const { ledger, sent } = watchedClient();
    const results = await Promise.all(many(300, () => ledger.transfer({ ...input(), metadata })));
    expect(results.filter((result) => !isPosted(result))).toEqual([]);
    expect(sent.length).toBeGreaterThan(1);
    for (const { bytes } of sent) expect(bytes).toBeLessThan(2 ** 20);
  });

  it('gather while four requests are in flight', async () => {
    const { input } = await payers(10);
    const { ledger, sent, mostInFlight } = watchedClient();
    const calls: Promise<unknown>[] = [];
    for (let turn = 0; turn < 40; turn += 1) {
      calls.push(ledger.transfer(input(turn)), ledger.transfer(input(turn)));
      await sleep(0);
    }
    await Promise.all(calls);
    expect(mostInFlight()).toBeLessThanOrEqual(4);
    expect(sent.length).toBeLessThan(40);
    expect(sent.reduce((sum, { size }) => sum + size, 0)).toBe(80);
  });
});

describe('one call of a shared request', () => {
  it('that has an invalid amount is refused as its own mutation refuses it', async () => {
    const { input, paid } = await payers(1);
    const wrong = { ...input(), amount: '1.234', idempotencyKey: randomUUID() };
    const { ledger, sent } = watchedClient();
    const [first, refused, last] = await Promise.all([
      ledger.transfer(input()),
      ledger.transfer(wrong),
      ledger.transfer(input()),
    ]);
    expect(shapes(sent)).toEqual(['mutation PostOperations 3']);
    expect([first, last].every(isPosted)).toBe(true);
    expect(refused).toMatchObject({ code: 'INVALID_AMOUNT', field: 'amount' });
    expect(refused).toEqual(await plain.transfer(wrong));
    expect(await paid()).toBe('0.02');
  });

  it('that GraphQL rejects does not reject the others', async () => {
    const { input, paid } = await payers(1);
    const { ledger, sent } = watchedClient();
    const results = await Promise.allSettled([
      ledger.transfer(input()),
      ledger.transfer({ ...input(), memo: 'rent' } as ReturnType<typeof input>),
      ledger.transfer({ ...input(), amount: 1n as unknown as string }),
      ledger.transfer(input()),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: expect.any(RequestRejected) });
    expect(results[2]).toMatchObject({ reason: expect.any(TypeError) });
    expect(shapes(sent)).toEqual(['mutation PostOperations 3', ...many(3, () => 'mutation Transfer 1')]);
    expect(await paid()).toBe('0.02');
  });

  it.each([
    ['413', () => new Response('', { status: 413 })],
    [
      'a cost limit',
      () => Response.json({ errors: [{ message: 'cost', extensions: { limit: 'cost' } }] }, { status: 400 }),
    ],
    ['FORBIDDEN', () => Response.json({ data: { postBatch: refusal('FORBIDDEN', { retryable: false }) } })],
    ['INTERNAL', () => Response.json({ data: { postBatch: refusal('INTERNAL', { retryable: false }) } })],
  ])('goes alone where the whole is answered by %s', async (_, answer) => {
    const { input, paid } = await payers(1);
    const { ledger, sent } = watchedClient(({ size }) => (size > 1 ? answer() : undefined));
    const results = await Promise.all(many(5, () => ledger.transfer(input())));
    expect(results.every(isPosted)).toBe(true);
    expect(shapes(sent)).toEqual(['mutation PostOperations 5', ...many(5, () => 'mutation Transfer 1')]);
    expect(sent.slice(1).flatMap(({ keys }) => keys)).toEqual(sent[0]?.keys);
    expect(await paid()).toBe('0.05');
  });

  it('that is too large for any request is rejected alone', async () => {
    const { input, paid } = await payers(1);
    const { ledger } = watchedClient();
    const large = { ...input(), description: 'x'.repeat(1_100_000) };
    const [first, rejected] = await Promise.allSettled([ledger.transfer(input()), ledger.transfer(large)]);
    expect(first).toMatchObject({ value: { __typename: 'TransactionPosted' } });
    expect(rejected).toMatchObject({ reason: expect.any(RequestRejected) });
    expect(await paid()).toBe('0.01');
  });

  it.each(['OVERLOADED', 'RATE_LIMITED', 'UNAVAILABLE'])('that is %s is retried alone', async (code) => {
    const { input, paid } = await payers(1);
    const watched = watch();
    const ledger = createLedgerClient({
      url,
      fetch: async (to, init) => {
        const response = await watched.fetch(to, init);
        if (watched.sent.length > 1) return response;
        const body = await response.json();
        body.data.postBatch.results[1] = refusal(code, { retryAfterMs: 1 });
        return Response.json(body);
      },
    });
    const results = await Promise.all(many(3, () => ledger.transfer(input())));
    expect(shapes(watched.sent)).toEqual(['mutation PostOperations 3', 'mutation Transfer 1']);
    expect(watched.sent[1]?.keys).toEqual([watched.sent[0]?.keys[1]]);
    expect(results.map((result) => isPosted(result) && result.replayed)).toEqual([false, true, false]);
    expect(await paid()).toBe('0.03');
  });

  it('that is aborted or late ends alone', async () => {
    const { input, paid } = await payers(1);
    const controller = new AbortController();
    const { ledger } = watchedClient(() => new TypeError('fetch failed'));
    let hangs = true;
    const slow = createLedgerClient({
      url,
      fetch: async (to, init) => {
        while (hangs) await sleep(5);
        return fetch(to, init);
      },
    });
    const calls = [
      slow.transfer(input()),
      slow.transfer(input(), { signal: controller.signal }),
      slow.transfer(input(), { deadlineMs: 100 }),
    ];
    setTimeout(() => controller.abort(), 30);
    await expect(calls[1]).rejects.toThrow(OutcomeUnknown);
    await expect(calls[2]).rejects.toThrow(OutcomeUnknown);
    hangs = false;
    expect(await calls[0]).toMatchObject({ __typename: 'TransactionPosted' });
    expect(await paid()).toBe('0.03');
    const none = ledger.transfer(input(), { deadlineMs: 100 });
    await expect(none).rejects.toThrow(OutcomeUnknown);
  });

  it('that is aborted before the turn ends is not sent', async () => {
    const { input, paid } = await payers(1);
    const controller = new AbortController();
    const { ledger, sent } = watchedClient();
    const aborted = ledger.transfer(input(), { signal: controller.signal });
    const others = many(2, () => ledger.transfer(input()));
    controller.abort();
    await expect(aborted).rejects.toThrow(OutcomeUnknown);
    await Promise.all(others);
    expect(shapes(sent)).toEqual(['mutation PostOperations 2']);
    expect(await paid()).toBe('0.02');
  });

  it('whose account is locked does not stop calls that come later', async () => {
    const { input, from } = await payers(10);
    const locked = await payers(4);
    const holder = new pg.Client({ connectionString: database.ownerUrl });
    await holder.connect();
    onTestFinished(() => holder.end());
    const ids = locked.from.map((id) => parseId('account', id));
    await holder.query('begin');
    await holder.query('select from accounts where id = any($1) for update', [ids]);

    const { ledger } = watchedClient();
    const waiting = many(4, async (index) => {
      await sleep(20 * index);
      return ledger.transfer(locked.input(index));
    });
    await sleep(150);
    const since = performance.now();
    const results = await Promise.all(from.map((_, index) => ledger.transfer(input(index))));
    expect(performance.now() - since).toBeLessThan(4000);
    expect(results.every(isPosted)).toBe(true);
    await holder.query('rollback');
    expect((await Promise.all(waiting)).every(isPosted)).toBe(true);
  });
});

it('a request whose response is lost is sent again with the same keys, and its calls still share it', async () => {
  const { input, paid } = await payers(10);
  const { ledger, sent } = watchedClient((_, count) => (count <= 2 ? null : undefined));
  const results = await Promise.all(many(300, (index) => ledger.transfer(input(index))));
  expect(results.every((result) => isPosted(result) && result.replayed)).toBe(true);
  expect(sent[0]?.size).toBe(300);
  expect(sent.length).toBeLessThan(10);
  expect(new Set(sent.flatMap(({ keys }) => keys)).size).toBe(300);
  expect(await paid()).toBe('3.00');
});

it('a fault of the service in one call of a request does not keep the others from their results', async () => {
  const { input, paid } = await payers(1);
  const watched = watch();
  const ledger = createLedgerClient({
    url,
    deadlineMs: 3000,
    fetch: async (to, init) => {
      const response = await watched.fetch(to, init);
      if (!String(init.body).includes('poison')) return response;
      const errors = [{ message: 'Unexpected error.', path: ['postBatch', 'results', 1] }];
      return Response.json({ data: { postBatch: null }, errors });
    },
  });
  const [first, poisoned, last] = await Promise.allSettled([
    ledger.transfer(input()),
    ledger.transfer({ ...input(), description: 'poison' }),
    ledger.transfer(input()),
  ]);
  for (const each of [first, last]) expect(each).toMatchObject({ value: { replayed: true } });
  expect(poisoned).toMatchObject({ reason: expect.any(OutcomeUnknown) });
  expect(watched.sent[0]?.size).toBe(3);
  expect(watched.sent.slice(1).every(({ size }) => size === 1)).toBe(true);
  expect(await paid()).toBe('0.03');
});

it.each(['OVERLOADED', 'RATE_LIMITED'])(
  'a whole request that is %s is sent again as a whole',
  async (code) => {
    const { input, paid } = await payers(1);
    const busy = () => Response.json({ data: { postBatch: refusal(code, { retryAfterMs: 5 }) } });
    const { ledger, sent } = watchedClient((_, count) => (count === 1 ? busy() : undefined));
    const results = await Promise.all(many(50, () => ledger.transfer(input())));
    expect(results.every((result) => isPosted(result) && !result.replayed)).toBe(true);
    expect(sent.length).toBeLessThan(5);
    expect(sent.every(({ name }) => name !== 'mutation Transfer' || sent.length > 2)).toBe(true);
    expect(await paid()).toBe('0.50');
  },
);

it('10,000 calls at once have one key and one result each, and none is lost', async () => {
  const { input, paid, toAccountId } = await payers(100);
  const { ledger, sent } = watchedClient();
  const amounts = many(10_000, (index) => `${1 + (index % 7)}.00`);
  const results = await Promise.all(amounts.map((amount, index) => ledger.transfer(input(index, amount))));
  expect(
    results.map((result) => (isPosted(result) ? result.transaction.amount?.amount : result.code)),
  ).toEqual(amounts);
  const keys = results.map((result) => (isPosted(result) ? result.transaction.idempotencyKey : ''));
  expect(new Set(keys).size).toBe(10_000);
  expect(keys.toSorted()).toEqual(sent.flatMap((each) => each.keys).toSorted());
  expect(await paid()).toBe(`${amounts.reduce((sum, amount) => sum + Number.parseInt(amount, 10), 0)}.00`);
  const [row] = await asOwner<{ count: number }>(
    database,
    `select count(*)::int as count from entries where account_id = '${parseId('account', toAccountId)}'`,
  );
  expect(row?.count).toBe(10_000);
}, 60_000);

describe('reads of single nodes of one turn', () => {
  it('share requests, and each finds its own node or null', async () => {
    const names = many(30, () => randomUUID());
    const ids = await Promise.all(names.map((name) => makeAccount(books, { externalId: name })));
    const { ledger, sent } = watchedClient();
    const [byId, byName, missing] = await Promise.all([
      Promise.all(ids.map((id) => ledger.account(id))),
      Promise.all(names.map((name) => ledger.account(`ext:${name}`))),
      Promise.all(['acct_unknown', 'alice', '', names[0] ?? ''].map((id) => ledger.account(id))),
    ]);
    expect(byId.map((account) => account?.id)).toEqual(ids);
    expect(byName).toEqual(byId);
    expect(byId[0]).toEqual(await plain.account(ids[0] ?? ''));
    expect(missing).toEqual([null, null, null, null]);
    expect(shapes(sent)).toEqual([...many(3, () => 'query Shared 20'), 'query Shared 4']);
  });

  it('of each kind stay below the limits of the service', async () => {
    const { input } = await payers(1);
    const posted = await Promise.all(many(20, () => plain.placeHold(input())));
    const holds = posted.flatMap((result) => (isPosted(result) ? result.hold.id : []));
    const transactions = posted.flatMap((result) => (isPosted(result) ? result.transaction.id : []));
    const { ledger, sent } = watchedClient();
    const [foundHolds, foundTransactions, nodes] = await Promise.all([
      Promise.all(holds.map((id) => ledger.hold(id))),
      Promise.all(transactions.map((id) => ledger.transaction(id))),
      Promise.all(transactions.map((id) => ledger.node(id))),
    ]);
    expect(foundHolds.map((hold) => hold?.id)).toEqual(holds);
    expect(foundTransactions[7]).toEqual(await plain.transaction(transactions[7] ?? ''));
    expect(nodes).toEqual(transactions.map((id) => ({ __typename: 'Transaction', id })));
    expect(shapes(sent)).toEqual(many(3, () => 'query Shared 20'));
  });

  it('that is one read goes by its own query', async () => {
    const { ledger, sent } = watchedClient();
    await ledger.account('ext:nothing');
    expect(shapes(sent)).toEqual(['query Account 1']);
  });

  it('have errors of their own', async () => {
    const [a = '', b = ''] = await makeAccounts(books, 2);
    const { ledger, sent } = watchedClient((_, count) => {
      if (count > 1) return undefined;
      const bad = { message: 'no such cursor', path: ['n0'], extensions: { code: 'INVALID_INPUT' } };
      const fault = { message: 'a fault', path: ['n1', 'balance'], extensions: { code: 'INTERNAL' } };
      return Response.json({ data: { n0: null, n1: null, n2: null }, errors: [bad, fault] });
    });
    const [rejected, retried, nothing] = await Promise.allSettled([
      ledger.account(a),
      ledger.account(b),
      ledger.account('ext:nothing'),
    ]);
    expect(rejected).toMatchObject({ reason: { name: 'RequestRejected', errors: [{ path: ['account'] }] } });
    expect(retried).toMatchObject({ value: { id: b } });
    expect(nothing).toMatchObject({ value: null });
    expect(shapes(sent)).toEqual(['query Shared 3', 'query Account 1']);
  });

  it('that the service rejects as a whole go one by one', async () => {
    const ids = await makeAccounts(books, 3);
    const { ledger, sent } = watchedClient(({ size }) =>
      size > 1 ? Response.json({ errors: [{ message: 'too many aliases' }] }, { status: 400 }) : undefined,
    );
    expect((await Promise.all(ids.map((id) => ledger.account(id)))).map((each) => each?.id)).toEqual(ids);
    expect(shapes(sent)).toEqual(['query Shared 3', ...many(3, () => 'query Account 1')]);
  });

  it('throw Unreachable where no response comes', async () => {
    const { ledger } = watchedClient(() => new TypeError('fetch failed'), { deadlineMs: 200 });
    const reads = await Promise.allSettled(many(3, () => ledger.account('ext:nothing')));
    for (const read of reads) expect(read).toMatchObject({ reason: expect.any(Unreachable) });
  });
});
