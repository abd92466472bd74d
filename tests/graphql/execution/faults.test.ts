import { expect, test } from 'vitest';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { balance, makeAccount, openLedger } from '../../support/ledger.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { type Answer, newKey, serve } from '../api.ts';

/** Details that a fault must not reveal: SQL, names of the database, positions in the source. */
const SECRETS = /select|column|relation|permission|kysely|\.ts|\/|node_modules|stack/i;

function expectMasked({ errors }: Answer, code: string): string {
  expect(errors).toHaveLength(1);
  const [error] = errors ?? [];
  expect(error?.extensions).toEqual({ code, requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
  expect(error?.message).not.toMatch(SECRETS);
  expect(Object.keys(error ?? {}).sort()).toEqual(['extensions', 'locations', 'message', 'path']);
  return String(error?.extensions?.['requestId']);
}

test('a fault in a query is INTERNAL, and the log has the details under its request id', async () => {
  const database = await createTestDatabase();
  const api = await serve(await openLedger(database));
  await asOwner(database, 'alter table ledgers rename column closed_before to closed');
  const answer = await api.ask('{ ledger { name } }');
  expect(answer.data).toBeNull();
  const requestId = expectMasked(answer, 'INTERNAL');
  expect(api.faults).toEqual([{ requestId, err: expect.objectContaining({ code: '42703' }) }]);
});

test('a fault below a mutation does not affect its outcome or other fields', async () => {
  const database = await createTestDatabase();
  const ledger = await openLedger(database);
  const api = await serve(ledger);
  const a = await makeAccount(ledger, { funds: '10' });
  const b = await makeAccount(ledger);
  await asOwner(database, 'alter table accounts rename column owner to somebody');
  const answer = await api.ask(
    `mutation ($a: ID!, $b: ID!, $one: String!, $two: String!) {
      one: transfer(input: { fromAccountId: $a, toAccountId: $b, amount: 1, idempotencyKey: $one }) {
        ... on TransactionPosted { transaction { parties { owner } } }
      }
      two: transfer(input: { fromAccountId: $a, toAccountId: $b, amount: 2, idempotencyKey: $two }) { __typename }
    }`,
    { a, b, one: newKey(), two: newKey() },
  );
  expect(answer.data).toEqual({ one: null, two: { __typename: 'TransactionPosted' } });
  expectMasked(answer, 'INTERNAL');
  expect(answer.errors?.[0]?.path).toEqual(['one', 'transaction', 'parties']);
  await asOwner(database, 'alter table accounts rename column somebody to owner');
  expect(await balance(ledger, b)).toBe(300n);
});

test('a fault of a write is an InternalError, and the log has it under the request id', async () => {
  const database = await createTestDatabase();
  const reported: unknown[][] = [];
  const ledger = await openLedger(database, { onFault: (...fault) => reported.push(fault) });
  const api = await serve(ledger);
  const [a, b] = [await makeAccount(ledger, { funds: '10' }), await makeAccount(ledger)];
  await asOwner(database, 'alter table transactions rename column facts to fact');
  const input = { fromAccountId: a, toAccountId: b, amount: '1', idempotencyKey: newKey() };
  const answer = await api.mutate('transfer', input);
  expect(answer).toMatchObject({ __typename: 'InternalError', code: 'INTERNAL', retryable: false });
  expect(answer['message']).not.toMatch(SECRETS);
  // The ledger logs the cause, and the server the request. One id connects both lines.
  expect(reported).toEqual([
    [expect.objectContaining({ code: '42703' }), expect.stringMatching(/^[0-9a-f-]{36}$/)],
  ]);
  expect(api.faults).toEqual([{ requestId: expect.any(String), faultId: reported[0]?.[1] }]);
  expect(JSON.stringify(answer)).not.toContain(reported[0]?.[1]);
});

test('a fault of one operation of a batch is logged under the request id', async () => {
  const database = await createTestDatabase();
  const reported: unknown[][] = [];
  const ledger = await openLedger(database, { onFault: (...fault) => reported.push(fault) });
  const api = await serve(ledger);
  const [a, b] = [await makeAccount(ledger, { funds: '10' }), await makeAccount(ledger)];
  await asOwner(database, 'alter table entries add constraint planted check (amount <> -777)');
  const operations = ['1', '7.77', '2'].map((amount) => ({
    transfer: { fromAccountId: a, toAccountId: b, amount, idempotencyKey: newKey() },
  }));
  const answer = await api.mutate(
    'postBatch',
    { operations },
    '... on BatchProcessed { results { __typename } }',
  );
  expect(answer['results']).toEqual([
    { __typename: 'TransactionPosted' },
    { __typename: 'InternalError' },
    { __typename: 'TransactionPosted' },
  ]);
  expect(api.faults).toEqual([{ requestId: expect.any(String), faultId: reported[0]?.[1] }]);
});

test('queries and writes are UNAVAILABLE while the database is unreachable', async () => {
  const database = await createTestDatabase();
  const proxy = await startTcpProxy(database.serviceUrl);
  const ledger = await openLedger({ serviceUrl: proxy.url });
  const api = await serve(ledger);
  const a = await makeAccount(ledger, { funds: '10' });
  const input = { accountId: a, amount: '1', idempotencyKey: newKey() };
  // For a second after this request, the service knows without the database that no API key exists.
  await api.ask('{ __typename }');
  proxy.refuse();
  const [read, write] = await Promise.all([api.ask('{ ledger { name } }'), api.mutate('deposit', input)]);
  expectMasked(read, 'UNAVAILABLE');
  expect(api.faults, 'an outage is not logged for each request').toEqual([]);
  expect(write).toMatchObject({ __typename: 'UnavailableError', code: 'UNAVAILABLE', retryable: true });

  proxy.admit();
  expect(await api.mutate('deposit', input)).toMatchObject({ __typename: 'TransactionPosted' });
  expect(await balance(ledger, a)).toBe(1100n);
});
