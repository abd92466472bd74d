import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildSchema, parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { unwrap } from '../../../src/client/index.ts';
import { transactionQuery } from '../../../src/console/data/transactions.ts';
import { asClientCall, asGraphql } from '../../../src/console/pages/transaction/copies.ts';
import { toRequest } from '../../../src/console/pages/transaction/request.ts';
import { type ConsoleService, startConsole } from '../support/console.ts';

const schema = buildSchema(await readFile(join(import.meta.dirname, '../../../schema.graphql'), 'utf8'));

/** Ends a string or comment into which it is copied without escapes. U+2028 ends a line in TypeScript. */
const HOSTILE = 'x"\n}) { } # */ \u2028 await ledger.deposit({}); \\" \' `';

/** Returns one transaction of each type, made with what is hard to copy. */
async function makeAll({ client }: ConsoleService) {
  const [alice, shop, fees] = await Promise.all(
    ['alice', 'shop', 'fees'].map(
      async (owner) => unwrap(await client.createAccount({ owner, currency: 'EUR' })).account.id,
    ),
  );
  if (alice === undefined || shop === undefined || fees === undefined) throw new Error('no accounts');
  const about = { description: HOSTILE, metadata: { order: '42', note: HOSTILE } };
  const post = async (result: Promise<Parameters<typeof unwrap>[0]>) =>
    (unwrap(await result) as unknown as { transaction: { id: string } }).transaction.id;
  const deposit = await post(
    client.deposit({
      accountId: alice,
      amount: '500.00',
      externalId: 'top-up',
      effectiveAt: '2026-01-02T03:04:05.678901Z',
      ...about,
      idempotencyKey: HOSTILE.slice(0, 20),
    }),
  );
  const transfer = await post(
    client.transfer({ fromAccountId: alice, toAccountId: shop, amount: '60.00', ...about }),
  );
  const withdrawal = await post(client.withdraw({ accountId: shop, amount: '5.00', ...about }));
  const journal = await post(
    client.postTransaction({
      keyAccountId: alice,
      entries: [
        { accountId: alice, side: 'DEBIT', amount: '10.00', description: HOSTILE },
        { accountId: shop, side: 'CREDIT', amount: '9.00' },
        { accountId: fees, side: 'CREDIT', amount: '1.00' },
      ],
      // Keys that are no names of GraphQL, and one that would set a prototype.
      metadata: JSON.parse('{"order-id":"1","__proto__":"kept","\u2028":"2"}') as Record<string, string>,
    }),
  );
  const placed = unwrap(
    await client.placeHold({
      fromAccountId: alice,
      toAccountId: shop,
      amount: '40.00',
      expiresAt: '2999-01-01T00:00:00Z',
      ...about,
    }),
  );
  const capture = await post(
    client.captureHold({ holdId: placed.hold.id, amount: '10.00', final: false, ...about }),
  );
  const reversal = await post(
    client.reverseTransaction({ transactionId: transfer, amount: '20.00', ...about }),
  );
  const other = unwrap(await client.placeHold({ fromAccountId: alice, toAccountId: shop, amount: '1.00' }));
  const release = await post(client.voidHold({ holdId: other.hold.id, description: 'not needed' }));
  return { deposit, transfer, withdrawal, journal, hold: placed.transaction.id, capture, reversal, release };
}

async function detailsOf({ client }: ConsoleService, id: string) {
  const { queryFn } = transactionQuery(client, id);
  if (typeof queryFn !== 'function') throw new Error('the query has no function');
  const details = await queryFn({ signal: new AbortController().signal } as never);
  if (details === null) throw new Error(`${id} does not exist`);
  return details;
}

async function requestOf(service: ConsoleService, id: string) {
  const request = toRequest(await detailsOf(service, id));
  if (request === undefined) throw new Error(`${id} has no request`);
  return request;
}

async function send({ url }: ConsoleService, query: string, variables: object) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as { data?: Record<string, Record<string, unknown>>; errors?: unknown[] };
}

async function countAll({ client }: ConsoleService): Promise<number> {
  return (await client.transactions().page({ first: 100 })).nodes.length;
}

/** Returns what two transactions of the same request have in common. */
function meaningOf(details: Awaited<ReturnType<typeof detailsOf>>) {
  const { type, description, metadata, entries, createdAt, effectiveAt } = details;
  return {
    type,
    description,
    metadata,
    effectiveAt: effectiveAt === createdAt ? null : effectiveAt,
    entries: entries.map(({ account, side, layer, amount, description: note }) => ({
      account,
      side,
      layer,
      amount,
      note,
    })),
  };
}

const REPEATABLE = ['deposit', 'transfer', 'withdrawal', 'journal', 'hold', 'capture', 'reversal'] as const;

/** Metadata that a document cannot have as a literal goes into its variables, which a comment shows. */
function variablesOf(document: string): object {
  const line = document.split('\n').find((text) => text.startsWith('# { "newIdempotencyKey"')) ?? '';
  return JSON.parse(line.slice(2)) as object;
}

test('the GraphQL of each type is valid, and with a new key posts the same once', async () => {
  const service = await startConsole();
  const all = await makeAll(service);
  for (const name of REPEATABLE) {
    const document = asGraphql(await requestOf(service, all[name]));
    expect(validate(schema, parse(document))).toEqual([]);
    const variables = { ...variablesOf(document), newIdempotencyKey: `again-${name}` };
    const before = await countAll(service);
    const first = await send(service, document, variables);
    const second = await send(service, document, variables);
    const [result] = Object.values(first.data ?? {});
    const [repeated] = Object.values(second.data ?? {});
    expect(result).toMatchObject({ replayed: false });
    expect(repeated).toMatchObject({ replayed: true, transaction: result?.['transaction'] });
    expect(await countAll(service)).toBe(before + 1);
    const { id } = (result as unknown as { transaction: { id: string } }).transaction;
    const [original, copy] = await Promise.all([detailsOf(service, all[name]), detailsOf(service, id)]);
    expect(meaningOf(copy)).toEqual(meaningOf(original));
  }
});

test('without a new key a document is rejected, and nothing is posted', async () => {
  const service = await startConsole();
  const all = await makeAll(service);
  const before = await countAll(service);
  for (const id of Object.values(all)) {
    const { errors, data } = await send(service, asGraphql(await requestOf(service, id)), {});
    expect(JSON.stringify(errors)).toContain('$newIdempotencyKey');
    expect(data ?? null).toBeNull();
  }
  expect(await countAll(service)).toBe(before);
});

test('the client call of each type posts the same once with a new key, and fails without one', async () => {
  const service = await startConsole();
  const all = await makeAll(service);
  const AsyncFunction = (async () => {}).constructor as new (
    ...text: string[]
  ) => (...given: unknown[]) => Promise<unknown>;
  for (const name of REPEATABLE) {
    const code = asClientCall(await requestOf(service, all[name]));
    const before = await countAll(service);
    await expect(new AsyncFunction('ledger', code)(service.client)).rejects.toThrow(ReferenceError);
    expect(await countAll(service)).toBe(before);
    const call = new AsyncFunction('ledger', 'newIdempotencyKey', code.replace('await', 'return await'));
    const { transaction } = unwrap((await call(service.client, `again-${name}`)) as never) as {
      transaction: { id: string };
    };
    await call(service.client, `again-${name}`);
    expect(await countAll(service)).toBe(before + 1);
    const [original, copy] = await Promise.all([
      detailsOf(service, all[name]),
      detailsOf(service, transaction.id),
    ]);
    expect(meaningOf(copy)).toEqual(meaningOf(original));
  }
});

test('the key and the external id of the original are in comments alone', async () => {
  const service = await startConsole();
  const { deposit } = await makeAll(service);
  const request = await requestOf(service, deposit);
  for (const [text, mark] of [
    [asGraphql(request), '# '],
    [asClientCall(request), '// '],
  ] as const) {
    const lines = text.split(/[\n\r\u2028\u2029]/);
    const withKey = lines.filter((line) => line.includes(JSON.stringify(HOSTILE.slice(0, 20)).slice(1, 8)));
    expect(lines.filter((line) => line.includes('top-up')).every((line) => line.startsWith(mark))).toBe(true);
    expect(withKey.some((line) => line.startsWith(`${mark}The original has the idempotency key`))).toBe(true);
    expect(text).toContain('top-up');
  }
});

test('a release by the ledger itself, and what the viewer does not see, have no request', async () => {
  const service = await startConsole();
  const { release, journal } = await makeAll(service);
  const details = await detailsOf(service, release);
  expect(toRequest(details)?.mutation).toBe('voidHold');
  expect(toRequest({ ...details, idempotencyKey: null })).toBeUndefined();
  const whole = await detailsOf(service, journal);
  expect(toRequest({ ...whole, entries: whole.entries.slice(0, 1) })).toBeUndefined();
});
