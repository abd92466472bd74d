/** The refusals of a caller restricted to an owner, as the API shows them. */
import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { ANYBODY } from '../../../src/core/access/viewer.ts';
import { formatInstant } from '../../../src/core/values/instant.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../../support/ledger.ts';
import { restrictedTo, secondsAhead } from '../../support/restricted.ts';
import { executed } from './execution.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));
const alice = restrictedTo('alice');
const fromAccountId = await makeAccount(ledger, { owner: 'alice', funds: '10.00' });
const toAccountId = await makeAccount(ledger, { owner: 'bob', maxBalance: { amount: '0' } });

const ERROR = `__typename ... on LedgerError { code message retryable replayed } ... on CounterpartyError { accountId }
  ... on InvalidInputError { field }`;
const input = (more: object = {}) => ({
  fromAccountId,
  toAccountId,
  amount: '1.00',
  idempotencyKey: randomUUID(),
  ...more,
});
const hold = (more: object = {}) => input({ expiresAt: formatInstant(secondsAhead(60)), ...more });

async function answer(query: string, variables: object, viewer = alice): Promise<unknown> {
  const { data, errors } = await executed(ledger, viewer, query, { ...variables });
  expect(errors).toBeUndefined();
  return Object.values(data ?? {})[0];
}
const transfer = (given: object, viewer = alice) =>
  answer(
    `mutation ($input: TransferInput!) { transfer(input: $input) { ${ERROR} } }`,
    { input: given },
    viewer,
  );
const placeHold = (given: object) =>
  answer(`mutation ($input: PlaceHoldInput!) { placeHold(input: $input) { ${ERROR} } }`, { input: given });
const preview = (operation: object, viewer = alice) =>
  answer(
    `query ($operation: OperationInput!) { preview(operation: $operation) { ${ERROR} } }`,
    { operation },
    viewer,
  );
const batch = (mode: string, operations: object[], viewer = alice) =>
  answer(
    `mutation ($input: PostBatchInput!) { postBatch(input: $input) { __typename
      ... on BatchProcessed { results { ${ERROR} } } ... on BatchAbortedError { index cause { ${ERROR} } } } }`,
    { input: { mode, operations } },
    viewer,
  );

describe('COUNTERPARTY', () => {
  const shown = {
    __typename: 'CounterpartyError',
    code: 'COUNTERPARTY',
    accountId: toAccountId,
    retryable: false,
  };

  it('names the account, and says neither its limit nor its balance', async () => {
    for (const one of [
      await transfer(input()),
      await placeHold(hold()),
      await preview({ transfer: input() }),
    ]) {
      expect(one).toMatchObject({
        ...shown,
        message: expect.stringContaining(`Account ${toAccountId} cannot`),
      });
      expect(JSON.stringify(one)).not.toMatch(/limit|balance|frozen|closed|\d\.\d\d/i);
    }
  });

  it('is a member of the results of a batch, and the cause of an aborted one', async () => {
    expect(await batch('INDEPENDENT', [{ transfer: input() }, { placeHold: hold() }])).toMatchObject({
      results: [shown, shown],
    });
    expect(await batch('ATOMIC', [{ transfer: input() }])).toMatchObject({ index: 0, cause: shown });
  });

  it('is returned by outcomeByKey, under the key that the caller sent', async () => {
    const given = input();
    await transfer(given);
    const { idempotencyKey } = given;
    const found = await answer(
      `query ($id: ID!, $key: String!) { outcomeByKey(accountId: $id, idempotencyKey: $key) { ${ERROR} } }`,
      { id: fromAccountId, key: idempotencyKey },
    );
    expect(found).toMatchObject({ ...shown, replayed: true });
  });
});

describe('a key that', () => {
  const reserved = {
    code: 'INVALID_INPUT',
    message: expect.stringContaining('must not begin with "owner:"'),
  };
  const long = { code: 'INVALID_INPUT', message: expect.stringContaining('must have at most 249 bytes') };

  it.for([
    ['begins with owner: is INVALID_INPUT of any other caller', ANYBODY, 'owner:k', reserved],
    ['is too long is INVALID_INPUT of a restricted caller', alice, 'k'.repeat(250), long],
  ] as const)('%s, with its path', async ([, viewer, idempotencyKey, refusal]) => {
    const given = input({ idempotencyKey });
    expect(await transfer(given, viewer)).toMatchObject({ ...refusal, field: 'idempotencyKey' });
    expect(await preview({ transfer: given }, viewer)).toMatchObject({
      ...refusal,
      field: 'operation.transfer.idempotencyKey',
    });
    const field = 'operations[1].transfer.idempotencyKey';
    const operations = [{ transfer: input() }, { transfer: given }];
    const results = [expect.anything(), { ...refusal, field }];
    expect(await batch('INDEPENDENT', operations, viewer)).toMatchObject({ results });
    expect(await batch('ATOMIC', operations, viewer)).toMatchObject({
      index: 1,
      cause: { ...refusal, field },
    });
  });
});

describe('FORBIDDEN says what is needed', () => {
  it.for([
    ['transfer', input({ externalId: 'x' }), 'it needs an operation without externalId'],
    ['placeHold', input(), 'it needs an expiresAt at most 7 days ahead'],
    [
      'deposit',
      { accountId: fromAccountId, amount: '1', idempotencyKey: 'd' },
      'is not for callers restricted to an owner',
    ],
  ] as const)('of %s', async ([field, given, needed]) => {
    const refusal = { code: 'FORBIDDEN', message: expect.stringContaining(needed) };
    expect(await preview({ [field]: given })).toMatchObject(refusal);
    expect(await batch('INDEPENDENT', [{ [field]: given }])).toMatchObject({ results: [refusal] });
    expect(await batch('ATOMIC', [{ [field]: given }])).toMatchObject({ index: 0, cause: refusal });
  });
});

describe('FORBIDDEN comes before malformed input', () => {
  const malformed = { amount: 'abc' };
  it.for([
    ['transfer', input({ externalId: '', ...malformed })],
    ['placeHold', input(malformed)],
    ['deposit', { accountId: fromAccountId, idempotencyKey: 'd', ...malformed }],
  ] as const)('of %s', async ([field, given]) => {
    const refusal = { code: 'FORBIDDEN' };
    if (field === 'transfer') expect(await transfer(given)).toMatchObject(refusal);
    if (field === 'placeHold') expect(await placeHold(given)).toMatchObject(refusal);
    expect(await preview({ [field]: given })).toMatchObject(refusal);
    expect(await batch('INDEPENDENT', [{ [field]: given }])).toMatchObject({ results: [refusal] });
    const operations = [{ transfer: input() }, { [field]: given }, { transfer: input(malformed) }];
    expect(await batch('ATOMIC', operations)).toMatchObject({ index: 1, cause: refusal });
  });
});
