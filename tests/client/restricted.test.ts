// Clients of callers restricted to an owner, by tokens and by API keys of a real service.

import { spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { fileStore } from '../../src/client/file-store.ts';
import {
  createLedgerClient as createClient,
  type LedgerClient,
  LedgerRefusal,
  PermissionDenied,
  UnauthenticatedError,
  unwrap,
} from '../../src/client/index.ts';
import { serve } from '../graphql/api.ts';
import { makeKey } from '../server/access/keys.ts';
import { acceptTokens, makeSigningKey, present, sign, startIssuer } from '../server/access/tokens/issuer.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, openLedger } from '../support/ledger.ts';
import { type Cut, startCutProxy } from './cut-proxy.ts';
import { memoryStore } from './memory-store.ts';
import { MODES } from './modes.ts';

const signingKey = await makeSigningKey();
const issuer = await startIssuer(signingKey);
const database = await createTestDatabase();
const books = await openLedger(database);
const { server } = await serve(books, {
  maxWrongCredentials: 1e6,
  tokens: acceptTokens(issuer.url, {
    recordActor: (from, subject) => books.engine.access.recordTokenActor(from, subject),
  }),
});
const url = `${server.url}/graphql`;
afterAll(() => issuer.close());
afterAll(() => expectSoundBooks(database));

const { secret: adminKey } = await makeKey(books);
const admin = createClient({ url, apiKey: adminKey });
const balanceOf = async (id: string) => (await admin.account(id))?.balance.amount;
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
const tokenFor = (owner: string) => sign(signingKey, { sub: `user of ${owner}`, owner });
/** A token that the service does not accept any more: its tolerance is 30 seconds. */
const expiredFor = (owner: string) =>
  sign(signingKey, { sub: `user of ${owner}`, owner, iat: present() - 600, exp: present() - 60 });

function thrownBy(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => expect.unreachable('the call has a result'),
    (error: Error) => error,
  );
}

/** Opens an account of an owner of its own, with 100.00 USD. */
async function openWallet() {
  const owner = `owner ${randomUUID()}`;
  const { account } = unwrap(await admin.createAccount({ owner, currency: 'USD' }));
  unwrap(await admin.deposit({ accountId: account.id, amount: '100', metadata: { private: 'yes' } }));
  return { owner, id: account.id };
}

const CREDENTIALS = ['token', 'API key'] as const;
type Case = (typeof MODES)[number] & { readonly credential: (typeof CREDENTIALS)[number] };
const CASES: readonly Case[] = CREDENTIALS.flatMap((credential) =>
  MODES.map((mode) => ({ ...mode, credential })),
);

describe.each(CASES)('a $mode client with a restricted $credential:', ({ coalesce, credential }) => {
  async function clientOf(owner: string): Promise<LedgerClient> {
    if (credential === 'token') return createClient({ url, coalesce, token: () => tokenFor(owner) });
    const { secret } = await makeKey(books, { scopes: ['READ', 'POST'], owner });
    return createClient({ url, coalesce, apiKey: secret });
  }

  it('every method for an own account works with the client’s documents', async () => {
    const [own, foreign] = [await openWallet(), await openWallet()];
    const client = await clientOf(own.owner);
    expect(await client.viewer()).toMatchObject({
      actor: { kind: credential === 'token' ? 'TOKEN' : 'API_KEY' },
      scopes: ['READ', 'POST'],
      ledger: { name: 'main' },
      owner: own.owner,
    });
    expect(await client.ledger()).toMatchObject({ name: 'main', closedBefore: null });
    const transfer = { fromAccountId: own.id, toAccountId: foreign.id, amount: '10' };
    expect(await client.preview({ transfer })).toMatchObject({
      __typename: 'Preview',
      entries: [{ account: { id: own.id }, balanceAfter: { amount: '90.00' } }],
    });
    const idempotencyKey = randomUUID();
    const paid = unwrap(await client.transfer({ ...transfer, idempotencyKey }));
    expect(paid).toMatchObject({
      replayed: false,
      transaction: {
        keyAccount: { id: own.id },
        idempotencyKey,
        amount: { amount: '10.00' },
        entries: [{ account: { id: own.id }, side: 'DEBIT', balanceAfter: { amount: '90.00' } }],
      },
    });
    expect(await client.outcomeByKey(own.id, idempotencyKey)).toEqual({ ...paid, replayed: true });
    const held = unwrap(await client.placeHold({ ...transfer, amount: '5', expiresAt: inAnHour() }));
    expect(held).toMatchObject({
      hold: { from: { id: own.id }, to: null, amount: { amount: '5.00' } },
      transaction: { type: 'HOLD', keyAccount: { id: own.id } },
    });
    const batch = unwrap(await client.postBatch([{ transfer }, { transfer }]));
    expect(batch.results).toMatchObject([{ replayed: false }, { replayed: false }]);

    expect(await client.account(own.id)).toMatchObject({ owner: own.owner, balance: { amount: '70.00' } });
    expect((await client.accounts().page()).nodes.map(({ id }) => id)).toEqual([own.id]);
    const shown = await client.transaction(paid.transaction.id);
    expect(shown?.parties).toMatchObject([
      { accountId: own.id, owner: own.owner, kind: 'STANDARD' },
      { accountId: foreign.id, owner: foreign.owner, kind: 'STANDARD' },
    ]);
    expect(shown?.entries).toHaveLength(1);
    const hold = await client.hold(held.hold.id);
    expect(hold).toMatchObject({ to: null, toParty: { accountId: foreign.id, owner: foreign.owner } });
    const types: string[] = [];
    for await (const { transaction } of client.history(own.id)) types.push(transaction.type);
    expect(types).toEqual(['TRANSFER', 'TRANSFER', 'HOLD', 'TRANSFER', 'DEPOSIT']);
    expect(await client.node(own.id)).toEqual({ __typename: 'Account', id: own.id });
    expect(await client.nodes([own.id, foreign.id])).toEqual([{ __typename: 'Account', id: own.id }, null]);
  });

  it('the counterpart sees the payment without its key, metadata and key account', async () => {
    const [own, foreign] = [await openWallet(), await openWallet()];
    const payment = { fromAccountId: own.id, toAccountId: foreign.id, amount: '10' };
    const { transaction } = unwrap(
      await (await clientOf(own.owner)).transfer({ ...payment, metadata: { note: 'secret' } }),
    );
    const client = await clientOf(foreign.owner);
    expect(await client.transaction(transaction.id)).toMatchObject({
      keyAccount: null,
      idempotencyKey: null,
      metadata: {},
      amount: { amount: '10.00' },
      entries: [{ account: { id: foreign.id }, side: 'CREDIT' }],
      parties: [{ accountId: own.id, owner: own.owner }, { accountId: foreign.id }],
    });
  });

  it('what is not its own is not found, and what concerns the ledger is not permitted', async () => {
    const [own, foreign] = [await openWallet(), await openWallet()];
    const client = await clientOf(own.owner);
    expect(await client.account(foreign.id)).toBeNull();
    expect((await client.history(foreign.id).page()).nodes).toEqual([]);
    expect(await client.outcomeByKey(foreign.id, 'key')).toBeNull();
    const reads = [
      client.head(),
      client.trialBalance(),
      client.transactions().page(),
      client.holds().page(),
      client.ledgers().page(),
      client.apiKeys().page(),
      client.journal().next(),
    ];
    for (const error of await Promise.all(reads.map(thrownBy)))
      expect(error).toBeInstanceOf(PermissionDenied);

    const pair = { fromAccountId: own.id, toAccountId: foreign.id, amount: '1' };
    const held = unwrap(await client.placeHold({ ...pair, expiresAt: inAnHour() }));
    const forbidden = [
      client.deposit({ accountId: own.id, amount: '1' }),
      client.withdraw({ accountId: own.id, amount: '1' }),
      client.captureHold({ holdId: held.hold.id }),
      client.voidHold({ holdId: held.hold.id }),
      client.reverseTransaction({ transactionId: held.transaction.id }),
      client.placeHold(pair),
      client.transfer({ ...pair, externalId: randomUUID() }),
      client.createAccount({ owner: own.owner, currency: 'USD' }),
      client.freezeAccount(own.id),
    ];
    for (const result of await Promise.all<{ readonly __typename: string }>(forbidden)) {
      expect(result).toMatchObject({ __typename: 'ForbiddenError', code: 'FORBIDDEN' });
    }
    const stolen = { fromAccountId: foreign.id, toAccountId: own.id, amount: '1' };
    // A refused call of a shared request does not affect the others.
    const [refused, paid] = await Promise.all([client.transfer(stolen), client.transfer(pair)]);
    expect(refused).toMatchObject({ __typename: 'AccountNotFoundError', accountId: foreign.id });
    expect(unwrap(paid).replayed).toBe(false);
    expect([await balanceOf(own.id), await balanceOf(foreign.id)]).toEqual(['99.00', '101.00']);
  });

  it('COUNTERPARTY is a typed refusal, of mutations, previews and batches', async () => {
    const [own, foreign] = [await openWallet(), await openWallet()];
    unwrap(await admin.freezeAccount(foreign.id));
    const client = await clientOf(own.owner);
    const transfer = { fromAccountId: own.id, toAccountId: foreign.id, amount: '1' };
    const idempotencyKey = randomUUID();
    const refused = await client.transfer({ ...transfer, idempotencyKey });
    expect(refused).toEqual({
      __typename: 'CounterpartyError',
      code: 'COUNTERPARTY',
      accountId: foreign.id,
      message: expect.any(String),
      replayed: false,
      retryable: false,
    });
    expect(() => unwrap(refused)).toThrow(LedgerRefusal);
    const again = { __typename: 'CounterpartyError', replayed: true };
    expect(await client.transfer({ ...transfer, idempotencyKey })).toMatchObject(again);
    expect(await client.outcomeByKey(own.id, idempotencyKey)).toMatchObject(again);
    const first = { __typename: 'CounterpartyError', accountId: foreign.id, replayed: false };
    expect(await client.preview({ transfer })).toMatchObject(first);
    expect(await client.placeHold({ ...transfer, expiresAt: inAnHour() })).toMatchObject(first);
    expect(await client.postBatch([{ transfer }])).toMatchObject({ results: [first] });
    expect(await client.postBatch([{ transfer }], { mode: 'ATOMIC' })).toMatchObject({
      __typename: 'BatchAbortedError',
      cause: first,
    });
  });
});

describe.each(MODES)('a $mode client cannot pay twice with tokens:', ({ coalesce }) => {
  it('users who share a store do not settle or repeat the payments of each other', async () => {
    const [own, other, shop] = [await openWallet(), await openWallet(), await openWallet()];
    const keyStore = memoryStore();
    let isLost = true;
    const pay = (owner: string) =>
      createClient({
        ...{ url, coalesce, ledger: 'main', owner, keyStore, deadlineMs: 1000 },
        token: () => tokenFor(owner),
        fetch: async (to, init) => {
          const response = await fetch(to, init);
          if (isLost) throw new TypeError('The response is lost.');
          return response;
        },
      }).transfer({ fromAccountId: own.id, toAccountId: shop.id, amount: '1' }, { intent: 'order-7' });
    expect((await thrownBy(pay(own.owner))).name).toBe('OutcomeUnknown');
    isLost = false;
    // The other user signs in and repeats the same order, which must not settle the intent of the first one.
    expect(await pay(other.owner)).toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
    expect(await pay(own.owner)).toMatchObject({ __typename: 'TransactionPosted', replayed: true });
    expect(await balanceOf(shop.id)).toBe('101.00');
  });

  it('connections that are cut 40 times, and tokens that expire, cause one payment per call', async () => {
    const [own, shop] = [await openWallet(), await openWallet()];
    const cuts: readonly Cut[] = ['before', 'after the request', 'during the response'];
    let requests = 0;
    let made = 0;
    let asked = 0;
    const proxy = await startCutProxy(server.url, () => {
      requests += 1;
      if (requests % 3 !== 0) return 'never';
      made += 1;
      return cuts[made % 3] ?? 'never';
    });
    let posted = 0;
    const keepPaying = async () => {
      while (made < 40) {
        // Every client begins with a token that is expired.
        let calls = 0;
        const client = createClient({
          ...{ url: proxy.url, coalesce },
          token: () => {
            calls += 1;
            asked += 1;
            return calls === 1 ? expiredFor(own.owner) : tokenFor(own.owner);
          },
        });
        const payments = Array.from({ length: 2 }, () =>
          client.transfer({ fromAccountId: own.id, toAccountId: shop.id, amount: '0.01' }),
        );
        for (const result of await Promise.all(payments)) unwrap(result);
        posted += payments.length;
      }
    };
    await Promise.all([keepPaying(), keepPaying(), keepPaying()]);
    await proxy.close();
    expect(asked).toBeGreaterThan(20);
    expect(await balanceOf(shop.id)).toBe((100 + posted / 100).toFixed(2));
  }, 60_000);

  it('a program that is killed 8 times pays once each time, with the next token', async () => {
    const [own, shop] = [await openWallet(), await openWallet()];
    const folder = await mkdtemp(join(tmpdir(), 'ledger-tokens-'));
    for (let round = 0; round < 8; round += 1) {
      const intents = [randomUUID(), randomUUID(), randomUUID()];
      const program = join(import.meta.dirname, 'payer.ts');
      const child = spawn(
        process.execPath,
        [program, url, folder, coalesce ? 'coalescing' : 'plain', own.id, shop.id, ...intents],
        {
          env: { ...process.env, LEDGER_TOKEN: await tokenFor(own.owner), LEDGER_OWNER: own.owner },
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      const exited = once(child, 'exit');
      await once(createInterface({ input: child.stdout }), 'line');
      await sleep(randomInt(60));
      child.kill('SIGKILL');
      await exited;
      const client = createClient({
        ...{ url, coalesce, ledger: 'main', owner: own.owner, keyStore: fileStore(folder) },
        token: () => tokenFor(own.owner),
      });
      const repeated = intents.map((intent) =>
        client.transfer({ fromAccountId: own.id, toAccountId: shop.id, amount: '1' }, { intent }),
      );
      for (const result of await Promise.all(repeated)) unwrap(result);
    }
    await rm(folder, { recursive: true });
    expect(await balanceOf(shop.id)).toBe('124.00');
  }, 60_000);

  it('a signed-out user ends with UnauthenticatedError, and nothing is paid', async () => {
    const [own, shop] = [await openWallet(), await openWallet()];
    const client = createClient({ url, coalesce, token: () => expiredFor(own.owner) });
    const payment = { fromAccountId: own.id, toAccountId: shop.id, amount: '1' };
    for (const error of await Promise.all([client.transfer(payment), client.account(own.id)].map(thrownBy))) {
      expect(error).toBeInstanceOf(UnauthenticatedError);
      expect(error.message).toContain('expired');
    }
    expect(await balanceOf(shop.id)).toBe('100.00');
  });
});
