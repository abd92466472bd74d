import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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
  unwrap,
} from '../../src/client/index.ts';
import { parseId } from '../../src/core/values/ids.ts';
import { serve } from '../graphql/api.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
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

  /**
   * Runs payer.ts until it has printed so many lines, kills it a while later, and returns when each line was printed.
   */
  async function killPayer(
    folder: string,
    intents: readonly string[],
    payment: readonly string[],
    { lines, afterMs }: { readonly lines: number; readonly afterMs: number },
  ): Promise<number[]> {
    const program = join(import.meta.dirname, 'payer.ts');
    const mode = coalesce ? 'coalescing' : 'plain';
    const parameters = [program, url, folder, mode, ...payment, ...intents];
    const child: ChildProcess = spawn(process.execPath, parameters, {
      // Its modules are compiled once for all runs.
      env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compiled') },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    if (child.stdout === null) throw new TypeError('its output is piped');
    const printedAt: number[] = [];
    for await (const _ of createInterface({ input: child.stdout })) {
      printedAt.push(performance.now());
      if (printedAt.length === lines) break;
    }
    expect(printedAt).toHaveLength(lines);
    await sleep(afterMs);
    child.kill('SIGKILL');
    await exited;
    return printedAt;
  }

  it.each([
    ['before it has its results', 1],
    ['right after it has its results', 2],
  ])(
    'a program with three payments that is killed 100 times %s pays once each time',
    async (_, lines) => {
      const { fromAccountId, toAccountId, paid } = await openAccounts('1000');
      const folder = await mkdtemp(join(tmpdir(), 'ledger-intents-'));
      const keyStore: KeyStore = {
        ...fileStore(folder),
        addItem: () => {
          throw new TypeError('its key is kept already');
        },
      };
      const ledger = createLedgerClient({ url, keyStore });
      const makeIntents = () => [randomUUID(), randomUUID(), randomUUID()];
      let replayed = 0;
      // How long a program needs from its kept intents to its results. Several at once need longer.
      const probe = [await makeAccount(books, { funds: '3' }), await makeAccount(books)];
      const [keptAt = 0, paidAt = 0] = await killPayer(folder, makeIntents(), probe, {
        lines: 2,
        afterMs: 0,
      });
      const durationMs = Math.ceil(paidAt - keptAt);
      const payOnce = async () => {
        const intents = makeIntents();
        const afterMs = lines === 1 ? randomInt(3 * durationMs) : 0;
        await killPayer(folder, intents, [fromAccountId, toAccountId], { lines, afterMs });
        const repeated = await Promise.all(
          intents.map((intent) => ledger.transfer({ fromAccountId, toAccountId, amount: '1' }, { intent })),
        );
        for (const result of repeated) if (unwrap(result).replayed) replayed += 1;
      };
      const keepPaying = async () => {
        for (let turn = 0; turn < 25; turn += 1) await payOnce();
      };
      await Promise.all(Array.from({ length: 4 }, keepPaying));
      await rm(folder, { recursive: true });
      expect(await paid()).toBe('1300.00');
      console.log(`${replayed} of 300 had been posted when the program died`);
      if (lines === 2) expect(replayed).toBe(300);
      const [row] = await asOwner<{ count: number }>(
        database,
        `select count(*)::int as count from transactions
     where type = 'TRANSFER' and outcome = 'POSTED' and account_id = '${parseId('account', fromAccountId)}'`,
      );
      expect(row?.count).toBe(300);
    },
    240_000,
  );

  /** Starts a process that pays under each intent that it receives. */
  function startRival(folder: string, payment: readonly string[]) {
    const program = join(import.meta.dirname, 'rival.ts');
    const child = spawn(
      process.execPath,
      [program, url, folder, coalesce ? 'coalescing' : 'plain', ...payment],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      async pay(intent: string): Promise<string> {
        child.stdin.write(`${intent}\n`);
        const { value = '' } = await lines.next();
        return value;
      },
      async end() {
        const exited = once(child, 'exit');
        child.stdin.end();
        await exited;
      },
    };
  }

  it('two processes that pay under the same intent at once, 300 times, pay once each time', async () => {
    const { fromAccountId, toAccountId, ledger, paid } = await openAccounts('1000');
    const folder = await mkdtemp(join(tmpdir(), 'ledger-intents-'));
    const rivals = [1, 2].map(() => startRival(folder, [fromAccountId, toAccountId]));
    const winners = new Map<string, number>();
    for (let round = 0; round < 300; round += 1) {
      const intent = `checkout-${round}`;
      const said = await Promise.all(rivals.map((rival) => rival.pay(intent)));
      const [one, other] = said.map((text) => JSON.parse(text));
      expect(one.id).toBe(other.id);
      const first = said.findIndex((text) => text.includes('"replayed":false'));
      expect(said.filter((text) => text.includes('"replayed":false'))).toHaveLength(1);
      winners.set(`rival ${first}`, (winners.get(`rival ${first}`) ?? 0) + 1);
    }
    await Promise.all(rivals.map((rival) => rival.end()));
    console.log('first result:', Object.fromEntries(winners));
    expect(await paid()).toBe('1300.00');
    expect((await ledger.account(fromAccountId))?.balance.amount).toBe('700.00');
    await rm(folder, { recursive: true });
  }, 120_000);
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
