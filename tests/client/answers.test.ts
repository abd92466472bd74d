import { afterAll, describe, expect, it } from 'vitest';
import {
  createLedgerClient as createClient,
  type LedgerClientOptions,
  OutcomeUnknown,
  RequestRejected,
} from '../../src/client/index.ts';
import type { Fetch } from '../../src/client/transport.ts';
import { parseId } from '../../src/core/values/ids.ts';
import { serve } from '../graphql/api.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../support/ledger.ts';
import { startCutProxy } from './cut-proxy.ts';
import { MODES } from './modes.ts';

const database = await createTestDatabase();
const books = await openLedger(database);
const { server } = await serve(books);
const url = `${server.url}/graphql`;
afterAll(() => expectSoundBooks(database));
// Most of each test is waiting.
describe.concurrent.each(MODES)('a $mode client:', ({ coalesce }) => {
  const createLedgerClient = (options: LedgerClientOptions) => createClient({ coalesce, ...options });
  const ledger = createLedgerClient({ url });

  /** Returns the number of deposits to the account. */
  async function countDeposits(accountId: string): Promise<number> {
    let count = 0;
    for await (const transaction of ledger.transactions({ accountId, types: ['DEPOSIT'] })) {
      if (transaction.keyAccount?.id === accountId) count += 1;
    }
    return count;
  }

  /** Returns a fetch that uses up the given responses first. For null it forwards the request and loses the response. */
  function answering(...answers: readonly (Response | Error | null)[]): {
    readonly fetch: Fetch;
    readonly keys: string[];
  } {
    const left = [...answers];
    const keys: string[] = [];
    return {
      keys,
      fetch: async (to, init) => {
        keys.push(/"idempotencyKey":"([^"]*)"/.exec(String(init.body))?.[1] ?? '');
        const next = left.shift();
        if (next === undefined) return fetch(to, init);
        if (next instanceof Error) throw next;
        if (next !== null) return next;
        await fetch(to, init);
        throw new TypeError('the connection was lost');
      },
    };
  }

  function json(data: unknown, init: ResponseInit = {}): Response {
    return new Response(JSON.stringify(data), { headers: { 'content-type': 'application/json' }, ...init });
  }

  function refused(code: string, facts: object = {}, field = 'deposit'): Response {
    const refusal = { __typename: 'X', code, message: code, retryable: true, replayed: false, ...facts };
    return json({ data: { [field]: refusal } });
  }

  const OVERLOADED = [{ message: 'busy', extensions: { code: 'OVERLOADED' } }];
  /** Returns responses to requests that the service is too busy to read. */
  function unread(count: number): Response[] {
    return Array.from({ length: count }, () => json({ errors: OVERLOADED }, { status: 503 }));
  }

  describe('a mutation is retried under the same key', () => {
    it.each([
      ['its response was lost', null],
      ['the connection failed', new TypeError('fetch failed')],
      ['a gateway returned 502', new Response('<html>bad gateway</html>', { status: 502 })],
      ['a gateway returned 429', new Response('', { status: 429 })],
      ['the response was cut off', new Response('{"data":{"depo')],
      ['the response came from another server', new Response('sign in to this network')],
      ['there was no data', json({ data: null, errors: [{ message: 'Unexpected error.' }] })],
      ['there was no result', json({ data: { deposit: null } })],
      ['the ledger was overloaded', refused('OVERLOADED', { retryAfterMs: 5 })],
      ['the database was unavailable', refused('UNAVAILABLE')],
    ])('if %s', async (_, answer) => {
      const accountId = await makeAccount(books);
      const { fetch, keys } = answering(answer, answer === null ? null : new TypeError('again'));
      const client = createLedgerClient({ url, fetch });
      const posted = await client.deposit({ accountId, amount: '1' });
      expect(posted.__typename).toBe('TransactionPosted');
      expect(keys).toHaveLength(3);
      expect(new Set(keys).size).toBe(1);
      expect(await countDeposits(accountId)).toBe(1);
    });

    it('after the pause that the service demands', async () => {
      const accountId = await makeAccount(books);
      const { fetch } = answering(
        refused('OVERLOADED', { retryAfterMs: 600 }),
        new Response('', { status: 503, headers: { 'retry-after': '1' } }),
      );
      const since = performance.now();
      await createLedgerClient({ url, fetch }).deposit({ accountId, amount: '1' });
      expect(performance.now() - since).toBeGreaterThan(1500);
    });

    it('until the deadline, and the error says how to continue', async () => {
      const accountId = await makeAccount(books);
      const lost = Array.from({ length: 1000 }, () => null);
      const client = createLedgerClient({ url, fetch: answering(...lost).fetch, deadlineMs: 500 });
      const thrown = await client.deposit({ accountId, amount: '1' }).catch((error: unknown) => error);
      if (!(thrown instanceof OutcomeUnknown)) throw new TypeError(`thrown was ${thrown}`);
      expect(thrown.message).toContain(`idempotencyKey: "${thrown.idempotencyKey}"`);
      expect(thrown.attempts).toBeGreaterThan(1);

      const { idempotencyKey } = thrown;
      const again = await ledger.deposit({
        accountId,
        amount: '1',
        ...(idempotencyKey ? { idempotencyKey } : {}),
      });
      expect(again).toMatchObject({ __typename: 'TransactionPosted', replayed: true });
      expect(await countDeposits(accountId)).toBe(1);
    });

    it('until the caller’s signal aborts', async () => {
      const controller = new AbortController();
      const failing = async () => {
        throw new TypeError('fetch failed');
      };
      const client = createLedgerClient({ url, fetch: failing });
      const call = client.deposit({ accountId: 'acct_1', amount: '1' }, { signal: controller.signal });
      setTimeout(() => controller.abort(), 50);
      await expect(call).rejects.toThrow(OutcomeUnknown);
    });

    it('and returns the refusal at the deadline if no attempt can have been done', async () => {
      const busy = Array.from({ length: 1000 }, () => refused('OVERLOADED', { retryAfterMs: 20 }));
      const client = createLedgerClient({ url, fetch: answering(...busy).fetch, deadlineMs: 200 });
      const answer = await client.deposit({ accountId: 'acct_1', amount: '1' });
      expect(answer).toMatchObject({ code: 'OVERLOADED', retryable: true });
    });

    it('and returns OVERLOADED at the deadline if every attempt was rejected unread', async () => {
      const client = createLedgerClient({ url, fetch: answering(...unread(1000)).fetch, deadlineMs: 200 });
      const answer = await client.deposit({ accountId: 'acct_1', amount: '1' });
      expect(answer).toEqual({
        __typename: 'OverloadedError',
        code: 'OVERLOADED',
        message: 'busy',
        retryable: true,
        replayed: false,
        retryAfterMs: 0,
      });
    });

    it('and its outcome is unknown if an attempt may have been done before one was rejected unread', async () => {
      const client = createLedgerClient({
        url,
        fetch: answering(null, ...unread(1000)).fetch,
        deadlineMs: 300,
      });
      const call = client.deposit({ accountId: await makeAccount(books), amount: '1' });
      await expect(call).rejects.toThrow(OutcomeUnknown);
    });

    it.each([
      ['whose data is null', { data: null, errors: OVERLOADED }],
      ['of another code', { errors: [{ message: 'down', extensions: { code: 'UNAVAILABLE' } }] }],
      ['that is no list of errors', { errors: 'OVERLOADED' }],
      ['that is null', null],
    ])('a response of 503 %s does not prove that nothing was done', async (_, body) => {
      const answers = Array.from({ length: 1000 }, () => json(body, { status: 503 }));
      const client = createLedgerClient({ url, fetch: answering(...answers).fetch, deadlineMs: 200 });
      await expect(client.deposit({ accountId: 'acct_1', amount: '1' })).rejects.toThrow(OutcomeUnknown);
    });

    it('and its outcome is unknown if an attempt may have been done before it was OVERLOADED', async () => {
      const busy = Array.from({ length: 1000 }, () => refused('OVERLOADED', { retryAfterMs: 20 }));
      const client = createLedgerClient({ url, fetch: answering(null, ...busy).fetch, deadlineMs: 300 });
      await expect(client.deposit({ accountId: await makeAccount(books), amount: '1' })).rejects.toThrow(
        OutcomeUnknown,
      );
    });
  });

  it('a preview that is refused as OVERLOADED is retried', async () => {
    const accountId = await makeAccount(books);
    const { fetch, keys } = answering(
      refused('OVERLOADED', { retryAfterMs: 5 }, 'preview'),
      new TypeError('failed'),
    );
    const preview = await createLedgerClient({ url, fetch }).preview({ deposit: { accountId, amount: '1' } });
    expect(preview.__typename).toBe('Preview');
    expect(keys).toHaveLength(3);
  });

  it.each([
    ['until the deadline', 'UNAVAILABLE', [], true],
    ['after a lost response', 'FORBIDDEN', [null], false],
    ['after a lost response', 'INTERNAL', [null], false],
  ])('a preview that is refused %s returns the refusal: %s', async (_, code, before, retryable) => {
    const refusals = Array.from({ length: 100 }, () => refused(code, { retryable }, 'preview'));
    const { fetch } = answering(...before, ...refusals);
    const client = createLedgerClient({ url, fetch, deadlineMs: 500 });
    const preview = await client.preview({ deposit: { accountId: await makeAccount(books), amount: '1' } });
    expect(preview).toMatchObject({ code, retryable });
  });

  describe('the outcome is unknown if an attempt may have been done', () => {
    const forbidden = {
      __typename: 'ForbiddenError',
      code: 'FORBIDDEN',
      message: 'no',
      retryable: false,
      replayed: false,
    };
    it.each([
      ['the next one is rejected', json({ errors: [{ message: 'no such key' }] }, { status: 401 })],
      ['the next one is forbidden', json({ data: { deposit: forbidden } })],
    ])('and %s', async (_, answer) => {
      const accountId = await makeAccount(books);
      const client = createLedgerClient({ url, fetch: answering(null, answer).fetch });
      await expect(client.deposit({ accountId, amount: '1' })).rejects.toThrow(OutcomeUnknown);
      expect(await countDeposits(accountId)).toBe(1);
    });

    it('and the first request of a batch has results', async () => {
      const accountId = await makeAccount(books);
      const operations = Array.from({ length: 1001 }, () => ({ deposit: { accountId, amount: '1' } }));
      let requests = 0;
      const client = createLedgerClient({
        url,
        fetch: async (to, init) => {
          requests += 1;
          return requests === 1
            ? fetch(to, init)
            : json({ errors: [{ message: 'no such key' }] }, { status: 401 });
        },
      });
      const thrown = await client.postBatch(operations).catch((error: unknown) => error);
      if (!(thrown instanceof OutcomeUnknown)) throw new TypeError(`thrown was ${thrown}`);
      const { idempotencyKey = '' } = thrown;
      const answer = await ledger.postBatch(operations, { idempotencyKey });
      if (answer.__typename !== 'BatchProcessed') throw new TypeError(answer.__typename);
      expect(answer.results.filter((result) => result.replayed)).toHaveLength(1000);
    });
  });

  it.each([
    [400, { errors: [{ message: 'no such field' }] }],
    [401, { errors: [{ message: 'no such key' }] }],
    [200, { errors: [{ message: 'no such field' }] }],
  ])('a request that is rejected with status %i is not retried', async (status, answer) => {
    const { fetch, keys } = answering(json(answer, { status }));
    const client = createLedgerClient({ url, fetch });
    await expect(client.deposit({ accountId: 'acct_1', amount: '1' })).rejects.toThrow(RequestRejected);
    expect(keys).toHaveLength(1);
  });

  describe('a change of an account whose response was lost', () => {
    /** Returns a client whose first response is lost, while another caller does something. */
    const losing = (meanwhile: () => Promise<unknown>, options: object = {}) => {
      let requests = 0;
      return createLedgerClient({
        url,
        ...options,
        fetch: async (to, init) => {
          requests += 1;
          const response = await fetch(to, init);
          if (requests > 1) return response;
          await meanwhile();
          throw new TypeError('the connection was lost');
        },
      });
    };

    it.each([
      ['freezeAccount', 'unfreezeAccount', 'OPEN'],
      ['unfreezeAccount', 'freezeAccount', 'FROZEN'],
    ] as const)('%s does not overwrite a later change', async (change, between, status) => {
      const accountId = await makeAccount(books);
      const client = losing(() => ledger[between](accountId));
      expect(await client[change](accountId)).toMatchObject({ replayed: true, account: { status } });
      expect(await ledger.account(accountId)).toMatchObject({ status });
    });

    it('an update does not overwrite a later change', async () => {
      const accountId = await makeAccount(books);
      const client = losing(() => ledger.updateAccount({ accountId, metadata: { by: 'them' } }));
      expect(await client.updateAccount({ accountId, metadata: { by: 'us' } })).toMatchObject({
        replayed: true,
        account: { metadata: { by: 'them' } },
      });
    });

    it('a close returns the closed account', async () => {
      const accountId = await makeAccount(books);
      const client = losing(async () => {});
      expect(await client.closeAccount(accountId)).toMatchObject({
        __typename: 'AccountUpdated',
        replayed: true,
        account: { status: 'CLOSED' },
      });
    });

    it('is made once if the connection is cut', async () => {
      for (const cut of ['before', 'after the request', 'during the response'] as const) {
        const accountId = await makeAccount(books);
        let left = 1;
        const proxy = await startCutProxy(server.url, () => (left-- > 0 ? cut : 'never'));
        const answer = await createLedgerClient({ url: proxy.url }).freezeAccount(accountId);
        expect(answer).toMatchObject({ replayed: cut !== 'before', account: { status: 'FROZEN' } });
        await proxy.close();
        const events = await asOwner(
          database,
          `select from audit_events where subject = '${parseId('account', accountId)}'`,
        );
        expect(events).toHaveLength(1);
      }
    });

    it('is the same change later under its intent or its key', async () => {
      const accountId = await makeAccount(books);
      const kept = new Map<string, string>();
      const keyStore = {
        getItem: (name: string) => kept.get(name),
        addItem: (name: string, value: string) => !kept.has(name) && kept.set(name, value).has(name),
        removeItem: (name: string) => kept.delete(name),
      };
      const client = createLedgerClient({ url, keyStore });
      const freezes = [
        () => client.freezeAccount(accountId, { intent: 'case-7' }),
        () => client.freezeAccount(accountId, { idempotencyKey: 'case-8' }),
      ];
      for (const freeze of freezes) {
        expect(await freeze()).toMatchObject({ replayed: false });
        await ledger.unfreezeAccount(accountId);
        expect(await freeze()).toMatchObject({ replayed: true, account: { status: 'OPEN' } });
      }
      expect(await client.freezeAccount(accountId)).toMatchObject({ replayed: false });
    });
  });
});
