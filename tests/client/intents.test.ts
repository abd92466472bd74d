import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { fileStore } from '../../src/client/file-store.ts';
import {
  createLedgerClient as createClient,
  IntentConflict,
  isRefusal,
  type KeyStore,
  type LedgerClientOptions,
  OutcomeUnknown,
} from '../../src/client/index.ts';
import { serve } from '../graphql/api.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, makeAccounts, openLedger } from '../support/ledger.ts';
import { MODES } from './modes.ts';

const database = await createTestDatabase();
const books = await openLedger(database);
const { server } = await serve(books);
const url = `${server.url}/graphql`;
afterAll(() => expectSoundBooks(database));
/** A store whose steps interleave with those of other callers. */
class MemoryStore extends Map<string, string> implements KeyStore {
  getItem = async (name: string) => this.get(name) ?? null;
  addItem = async (name: string, value: string) => {
    await sleep(0);
    return !this.has(name) && this.set(name, value).has(name);
  };
  removeItem = async (name: string, value: string) => {
    await sleep(0);
    return this.get(name) === value && this.delete(name);
  };
}

describe.each(MODES)('a $mode client:', ({ coalesce }) => {
  const createLedgerClient = (options: LedgerClientOptions) => createClient({ coalesce, ...options });

  async function openAccounts(funds = '100') {
    const [fromAccountId = '', toAccountId = ''] = await makeAccounts(books, 2, {
      funds,
      minBalance: { amount: '0' },
    });
    const keyStore = new MemoryStore();
    const ledger = createLedgerClient({ url, keyStore });
    const pay = (amount: string, intent = 'checkout') =>
      ledger.transfer({ fromAccountId, toAccountId, amount }, { intent });
    const paid = async () => (await ledger.account(toAccountId))?.balance.amount;
    return { fromAccountId, toAccountId, keyStore, ledger, pay, paid };
  }

  it('the same intent is the same attempt, until it is forgotten', async () => {
    const { ledger, pay, paid } = await openAccounts();
    const first = await pay('1');
    expect(first).toMatchObject({ __typename: 'TransactionPosted', replayed: false });
    expect(await pay('1')).toEqual({ ...first, replayed: true });
    expect(await paid()).toBe('101.00');

    await ledger.forget('checkout');
    expect(await pay('1')).toMatchObject({ replayed: false });
    expect(await paid()).toBe('102.00');
  });

  it('an intent outlives its client', async () => {
    const { fromAccountId, toAccountId, keyStore, pay, paid } = await openAccounts();
    await pay('1');
    const later = createLedgerClient({ url, keyStore });
    const again = await later.transfer({ amount: '1', toAccountId, fromAccountId }, { intent: 'checkout' });
    expect(again).toMatchObject({ replayed: true });
    expect(await paid()).toBe('101.00');
  });

  it('equal payments under different intents are two payments', async () => {
    const { pay, paid } = await openAccounts();
    await Promise.all([pay('1', 'one'), pay('1', 'two')]);
    expect(await paid()).toBe('102.00');
  });

  it('concurrent calls with one intent are one attempt', async () => {
    const { pay, paid } = await openAccounts();
    await Promise.all(Array.from({ length: 20 }, () => pay('1')));
    expect(await paid()).toBe('101.00');
  });

  it('an intent with another input throws IntentConflict and sends nothing', async () => {
    const { ledger, fromAccountId, toAccountId, pay, paid } = await openAccounts();
    await pay('1');
    await expect(pay('2')).rejects.toThrow(IntentConflict);
    const hold = ledger.placeHold({ fromAccountId, toAccountId, amount: '1' }, { intent: 'checkout' });
    await expect(hold).rejects.toThrow(IntentConflict);
    expect(await paid()).toBe('101.00');
  });

  it('an input that is equal by the ledger’s rules is the same', async () => {
    const { ledger, fromAccountId, toAccountId, paid } = await openAccounts();
    const input = { fromAccountId, toAccountId, amount: '1', metadata: { order: '42', till: '7' } };
    const first = await ledger.transfer(input, { intent: 'checkout' });
    const again = {
      fromAccountId,
      toAccountId,
      amount: '1.00',
      description: null,
      metadata: { till: '7', order: '42' },
      conditions: [],
    };
    expect(await ledger.transfer(again, { intent: 'checkout' })).toEqual({ ...first, replayed: true });
    expect(await paid()).toBe('101.00');
  });

  it('the same holds for the operations of a batch', async () => {
    const { ledger, fromAccountId, toAccountId, paid } = await openAccounts();
    const transfer = { fromAccountId, toAccountId, amount: '1' };
    const [first, again, other] = [
      [{ transfer }, { transfer: { ...transfer, metadata: {} } }],
      [{ transfer: { ...transfer, amount: '1.0', idempotencyKey: null } }, { transfer }],
      [{ transfer }, { transfer: { ...transfer, description: 'rent' } }],
    ] as const;
    const options = { intent: 'payroll', mode: 'ATOMIC' } as const;
    const isReplayed = [{ replayed: true }, { replayed: true }];
    await ledger.postBatch(first, options);
    expect(await ledger.postBatch(again, options)).toMatchObject({ results: isReplayed });
    await expect(ledger.postBatch(other, options)).rejects.toThrow(IntentConflict);
    expect(await paid()).toBe('102.00');
  });

  it('the same holds for accounts', async () => {
    const { ledger } = await openAccounts();
    const [first, again] = [
      { owner: 'alice', currency: 'USD' },
      {
        owner: 'alice',
        currency: 'USD',
        normalSide: 'CREDIT',
        minBalance: { amount: '0.00' },
        externalId: null,
      },
    ] as const;
    const made = await ledger.createAccounts([first], { intent: 'open' });
    expect(await ledger.createAccounts([again], { intent: 'open' })).toMatchObject({
      results: [{ replayed: true }],
    });
    const bob = { owner: 'bob', currency: 'USD' };
    await expect(ledger.createAccounts([bob], { intent: 'open' })).rejects.toThrow(IntentConflict);
    expect(made.__typename).toBe('AccountsCreated');
  });

  it.each([
    ['overwrites values', { getItem: () => null, setItem: () => {}, removeItem: () => {} }],
    ['is a map', new Map()],
  ])('a store that %s is rejected when the client is created', (_, keyStore) => {
    expect(() => createLedgerClient({ url, keyStore: keyStore as never })).toThrow('addItem');
  });

  it('a store that neither stores nor returns an intent is an error, and nothing is sent', async () => {
    const { fromAccountId, toAccountId, paid } = await openAccounts();
    const keyStore: KeyStore = { getItem: () => null, addItem: () => false, removeItem: () => {} };
    const input = { fromAccountId, toAccountId, amount: '1' };
    const call = createLedgerClient({ url, keyStore }).transfer(input, { intent: 'checkout' });
    await expect(call).rejects.toThrow('neither stores nor returns');
    expect(await paid()).toBe('100.00');
  });

  it('a late removal of an intent does not remove an attempt that began later', async () => {
    const { ledger, fromAccountId, toAccountId, keyStore, pay, paid } = await openAccounts();
    let pause: Promise<unknown> = Promise.resolve();
    const slow: KeyStore = {
      getItem: keyStore.getItem,
      addItem: keyStore.addItem,
      // Between the read and the removal, another caller forgets the intent and begins another attempt.
      removeItem: async (name, value) => {
        await pause;
        return keyStore.removeItem(name, value);
      },
    };
    pause = (async () => {
      await sleep(50);
      expect(await pay('150')).toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
      await ledger.deposit({ accountId: fromAccountId, amount: '100' });
      expect(await pay('150')).toMatchObject({ __typename: 'TransactionPosted' });
    })();
    const input = { fromAccountId, toAccountId, amount: '150' };
    const late = await createLedgerClient({ url, keyStore: slow }).transfer(input, { intent: 'checkout' });
    expect(late).toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
    await pause;
    expect(await pay('150')).toMatchObject({ __typename: 'TransactionPosted', replayed: true });
    expect(await paid()).toBe('250.00');
  });

  it('a declined attempt is forgotten, so that the next call is another attempt', async () => {
    const { ledger, fromAccountId, keyStore, pay, paid } = await openAccounts();
    expect(await pay('150')).toMatchObject({ code: 'INSUFFICIENT_FUNDS', replayed: false });
    expect(keyStore.size).toBe(0);
    await ledger.deposit({ accountId: fromAccountId, amount: '100' });
    expect(await pay('150')).toMatchObject({ __typename: 'TransactionPosted', replayed: false });
    expect(await paid()).toBe('250.00');
  });

  it('an attempt whose outcome is unknown is kept', async () => {
    const { fromAccountId, toAccountId, keyStore, pay, paid } = await openAccounts();
    const lost = createLedgerClient({
      url,
      keyStore,
      deadlineMs: 300,
      fetch: async (to, init) => {
        await fetch(to, init);
        throw new TypeError('the connection was lost');
      },
    });
    const call = lost.transfer({ fromAccountId, toAccountId, amount: '1' }, { intent: 'checkout' });
    await expect(call).rejects.toThrow(OutcomeUnknown);
    await expect(call).rejects.toThrow('{ intent: "checkout" }');
    expect(await pay('1')).toMatchObject({ __typename: 'TransactionPosted', replayed: true });
    expect(await paid()).toBe('101.00');
  });

  it('an intent with IDEMPOTENCY_CONFLICT is kept, because the other request may be posted', async () => {
    const { keyStore, pay, paid } = await openAccounts();
    await pay('1');
    for (const [name, kept] of keyStore) keyStore.set(name, kept.replace('"amount":"1"', '"amount":"2"'));
    expect(await pay('2')).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(keyStore.size).toBe(1);
    expect(await paid()).toBe('101.00');
  });

  it('an intent with an unreadable record does not affect other intents', async () => {
    const { keyStore, pay, paid } = await openAccounts();
    await pay('1');
    for (const name of keyStore.keys()) keyStore.set(name, 'nonsense');
    await expect(pay('1')).rejects.toThrow(IntentConflict);
    await pay('1', 'another');
    expect(await paid()).toBe('102.00');
  });

  it('if the store fails, nothing is sent', async () => {
    const { fromAccountId, toAccountId, paid } = await openAccounts();
    const full: KeyStore = {
      getItem: () => null,
      addItem: () => {
        throw new RangeError('the quota is exceeded');
      },
      removeItem: () => {},
    };
    const ledger = createLedgerClient({ url, keyStore: full });
    const call = ledger.transfer({ fromAccountId, toAccountId, amount: '1' }, { intent: 'checkout' });
    await expect(call).rejects.toThrow('quota');
    expect(await paid()).toBe('100.00');
  });

  it('an intent without a store is an error, and nothing is sent', async () => {
    const accountId = await makeAccount(books);
    const call = createLedgerClient({ url }).deposit({ accountId, amount: '1' }, { intent: 'checkout' });
    await expect(call).rejects.toThrow('keyStore');
  });

  it('a batch under an intent resumes after its last posted request', async () => {
    const { fromAccountId, toAccountId, keyStore, paid } = await openAccounts('10');
    const operations = Array.from({ length: 1500 }, () => ({
      transfer: { fromAccountId, toAccountId, amount: '0.01' },
    }));
    let requests = 0;
    const dying = createLedgerClient({
      url,
      keyStore,
      deadlineMs: 2000,
      fetch: (to, init) => {
        requests += 1;
        return requests === 1 ? fetch(to, init) : Promise.reject(new TypeError('the connection was lost'));
      },
    });
    await expect(dying.postBatch(operations, { intent: 'payroll' })).rejects.toThrow(OutcomeUnknown);
    const answer = await createLedgerClient({ url, keyStore }).postBatch(operations, { intent: 'payroll' });
    if (answer.__typename !== 'BatchProcessed') throw new TypeError(answer.__typename);
    expect(answer.results.filter((result) => !isRefusal(result) && result.replayed)).toHaveLength(1000);
    // 10.00 pay for 1,000 of them.
    expect(answer.results.filter(isRefusal)).toHaveLength(500);
    expect(await paid()).toBe('20.00');
  });

  it('a batch whose second request is refused keeps its intent and pays nothing twice', async () => {
    const { fromAccountId, toAccountId, keyStore, paid } = await openAccounts();
    const transfer = { fromAccountId, toAccountId, amount: '0.01' };
    const operations = Array.from({ length: 1001 }, () => ({ transfer }));
    const refusal = { code: 'INVALID_INPUT', message: 'no', retryable: false, replayed: false, field: 'x' };
    let requests = 0;
    const refusing = createLedgerClient({
      url,
      keyStore,
      fetch: async (to, init) => {
        requests += 1;
        if (requests === 1) return fetch(to, init);
        return Response.json({ data: { postBatch: { __typename: 'InvalidInputError', ...refusal } } });
      },
    });
    expect(await refusing.postBatch(operations, { intent: 'payroll' })).toMatchObject({
      code: 'INVALID_INPUT',
    });
    await createLedgerClient({ url, keyStore }).postBatch(operations, { intent: 'payroll' });
    expect(await paid()).toBe('110.01');
  });
});
describe('a store in files', () => {
  const stores = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ledger-intents-'));
    return { folder, one: fileStore(folder), other: fileStore(folder) };
  };

  it('keeps one of many texts that are added at once, and leaves no temporary folder', async () => {
    const { folder, one, other } = await stores();
    for (let round = 0; round < 50; round += 1) {
      const name = `intent ${round}`;
      const added = await Promise.all(
        Array.from({ length: 8 }, (_, n) => (n % 2 ? one : other).addItem(name, `text ${n}`)),
      );
      expect(added.filter(Boolean)).toHaveLength(1);
      expect(await one.getItem(name)).toBe(`text ${added.indexOf(true)}`);
    }
    expect(await readdir(folder)).toHaveLength(50);
    await rm(folder, { recursive: true });
  });

  it('removes only the given text, and accepts another one then', async () => {
    const { folder, one, other } = await stores();
    expect(await one.getItem('../checkout')).toBeNull();
    expect(await one.addItem('../checkout', 'first')).toBe(true);
    await other.removeItem('../checkout', 'another');
    expect(await other.getItem('../checkout')).toBe('first');
    await other.removeItem('../checkout', 'first');
    expect(await one.getItem('../checkout')).toBeNull();
    expect(await readdir(folder)).toEqual([]);
    expect(await other.addItem('../checkout', 'second')).toBe(true);
    expect(await one.getItem('../checkout')).toBe('second');
    await rm(folder, { recursive: true });
  });

  it('throws if it cannot write', async () => {
    const { folder } = await stores();
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(fileStore(file).addItem('checkout', 'text')).rejects.toThrow('ENOTDIR');
    await rm(folder, { recursive: true });
  });
});
