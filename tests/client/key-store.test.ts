/** A store of intents that fails or never answers, and a signal that ends the calls of a client. */
import { afterAll, describe, expect, it } from 'vitest';
import {
  createLedgerClient,
  type KeyStore,
  KeyStoreError,
  OutcomeUnknown,
  Unreachable,
} from '../../src/client/index.ts';
import { serve } from '../graphql/api.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger } from '../support/ledger.ts';
import { memoryStore } from './memory-store.ts';

const database = await createTestDatabase();
const books = await openLedger(database);
const { server } = await serve(books);
const url = `${server.url}/graphql`;
afterAll(() => expectSoundBooks(database));

const never = () => new Promise<never>(() => {});

async function openAccounts(broken: Partial<KeyStore>) {
  const [fromAccountId = '', toAccountId = ''] = await makeAccounts(books, 2, {
    funds: '100',
    minBalance: { amount: '0' },
  });
  const sent: string[] = [];
  const store = memoryStore();
  const stop = new AbortController();
  const ledger = createLedgerClient({
    url,
    keyStore: { ...store, ...broken },
    signal: stop.signal,
    fetch: (target, init) => {
      sent.push(String(init.body));
      return fetch(target, init);
    },
  });
  const pay = (amount: string, deadlineMs = 200) =>
    ledger.transfer({ fromAccountId, toAccountId, amount }, { intent: 'checkout', deadlineMs });
  return { ledger, pay, sent, stop, store };
}

const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => expect.unreachable('the call succeeded'),
    (error: unknown) => error,
  );

describe('a store of intents', () => {
  it.each([
    ['returns no text', { getItem: never }],
    ['stores no text', { addItem: never }],
  ])('that never %s ends the call at its deadline, and nothing is sent', async (_, broken) => {
    const { pay, sent } = await openAccounts(broken);
    const error = await failureOf(pay('1'));
    expect(error).toBeInstanceOf(KeyStoreError);
    expect(error).toMatchObject({ intent: 'checkout', message: expect.stringContaining('nothing was sent') });
    expect(sent).toEqual([]);
  });

  it('that throws ends the call with its error as the cause', async () => {
    const cause = new RangeError('the quota is exceeded');
    const { pay, sent } = await openAccounts({ addItem: () => Promise.reject(cause) });
    expect(await failureOf(pay('1'))).toMatchObject({ name: 'KeyStoreError', cause });
    expect(sent).toEqual([]);
  });

  it('that stores the text after the deadline keeps one attempt: the next call repeats it', async () => {
    const stored = Promise.withResolvers<void>();
    const { pay, sent, store } = await openAccounts({
      addItem: async (name, value) => {
        await stored.promise;
        return store.addItem(name, value);
      },
    });
    expect(await failureOf(pay('1'))).toBeInstanceOf(KeyStoreError);
    stored.resolve();
    await expect.poll(() => store.kept.size).toBe(1);
    const kept = [...store.kept.values()].join();
    expect(await pay('1', 10_000)).toMatchObject({ __typename: 'TransactionPosted' });
    const [, key] = /"idempotencyKey":"([^"]+)"/.exec(sent.join()) ?? [];
    expect(kept).toContain(`"key":"${key}"`);
  });

  it.each([
    ['never answers', never],
    ['throws', () => Promise.reject(new Error('the disk is full'))],
  ])('that %s when it shall forget a declined intent does not hide the refusal', async (_, removeItem) => {
    const { pay } = await openAccounts({ removeItem });
    const declined = { __typename: 'InsufficientFundsError' };
    expect(await pay('1000', 10_000)).toMatchObject({ ...declined, replayed: false });
    expect(await pay('1000', 10_000)).toMatchObject({ ...declined, replayed: true });
  });

  it('that never answers ends `forget` when the signal of the client aborts', async () => {
    const { ledger, stop } = await openAccounts({ getItem: never });
    const forgetting = failureOf(ledger.forget('checkout'));
    stop.abort();
    expect(await forgetting).toBeInstanceOf(KeyStoreError);
  });
});

describe('the signal of a client', () => {
  it('ends a call that was sent: its outcome is unknown, its intent is kept, and it is not sent again', async () => {
    const { pay, stop, sent, store } = await openAccounts({});
    const gone = createLedgerClient({
      url,
      keyStore: store,
      signal: stop.signal,
      fetch: async (target, init) => {
        sent.push(String(init.body));
        await (await fetch(target, { ...init, signal: null })).text();
        stop.abort();
        throw new TypeError('the answer is lost');
      },
    });
    const [from = '', to = ''] = await makeAccounts(books, 2, { funds: '100' });
    const payment = { fromAccountId: from, toAccountId: to, amount: '1' };
    const error = await failureOf(gone.transfer(payment, { intent: 'order-1' }));
    expect(error).toBeInstanceOf(OutcomeUnknown);
    expect(sent).toHaveLength(1);
    const later = createLedgerClient({ url, keyStore: store });
    expect(await later.transfer(payment, { intent: 'order-1' })).toMatchObject({ replayed: true });
    await expect(pay('1', 10_000)).rejects.toThrow(KeyStoreError);
  });

  it('ends reads, and is not in the way of the signal of a call', async () => {
    const { ledger, stop } = await openAccounts({});
    expect(await ledger.viewer({ signal: new AbortController().signal })).toMatchObject({ owner: null });
    await expect(ledger.viewer({ signal: AbortSignal.abort() })).rejects.toThrow(Unreachable);
    stop.abort();
    await expect(ledger.viewer()).rejects.toThrow(Unreachable);
    await expect(ledger.viewer({ signal: new AbortController().signal })).rejects.toThrow(Unreachable);
  });
});
