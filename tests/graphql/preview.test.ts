import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../support/ledger.ts';
import { newKey, serve } from './api.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);

let a = '';
let b = '';
beforeEach(async () => {
  a = await makeAccount(ledger, { funds: '100' });
  b = await makeAccount(ledger, { funds: '10' });
});
afterEach(() => expect(api.faults).toEqual([]));
afterAll(() => expectSoundBooks(database));

async function preview(operation: object): Promise<Record<string, unknown>> {
  const { data, errors } = await api.ask<{ preview: Record<string, unknown> }>(
    `query ($operation: OperationInput!) { preview(operation: $operation) {
      __typename
      ... on Preview { entries {
        account { id } side layer amount { amount } balanceAfter { amount } heldAfter { amount }
      } }
      ... on LedgerError { code message retryable replayed }
      ... on InvalidInputError { field } ... on InvalidAmountError { field }
      ... on HoldAmountExceededError { hold { id } remaining { amount } }
      ... on InsufficientFundsError { account { id } available { amount } requested { amount } }
    } }`,
    { operation },
  );
  expect(errors).toBeUndefined();
  return data.preview;
}

/** Returns the number of outcomes and blocks, and the state of all accounts. */
async function books() {
  const [row] = await asOwner(
    database,
    `select (select count(*) from transactions) as transactions, (select count(*) from blocks) as blocks,
      (select count(*) from holds) as holds, (select json_agg(a order by a.id)::text from accounts a) as accounts`,
  );
  return row;
}

const entry = (
  accountId: unknown,
  side: string,
  layer: string,
  amount: string,
  left: unknown,
  held: string,
) => ({
  account: { id: accountId },
  side,
  layer,
  amount: { amount },
  balanceAfter: { amount: left },
  heldAfter: { amount: held },
});

test('a preview of each operation returns its entries and records nothing', async () => {
  const key = { idempotencyKey: newKey() };
  const between = { fromAccountId: a, toAccountId: b, amount: '40', ...key };
  const { hold } = await api.mutate(
    'placeHold',
    { ...between, idempotencyKey: newKey() },
    '... on HoldPlaced { hold { id } }',
  );
  const { transaction } = await api.mutate(
    'deposit',
    { accountId: a, amount: '5', idempotencyKey: newKey() },
    '... on TransactionPosted { transaction { id } }',
  );
  const [{ id: holdId }, { id: transactionId }] = [Object(hold), Object(transaction)];
  const outside = expect.stringMatching(/^acct_/);
  // a has 105, of which 40 are held. b has 10.
  const before = await books();
  const shown: [object, unknown[]][] = [
    [
      { deposit: { accountId: a, amount: '1', ...key } },
      [
        entry(outside, 'DEBIT', 'POSTED', '1.00', expect.any(String), '0.00'),
        entry(a, 'CREDIT', 'POSTED', '1.00', '106.00', '40.00'),
      ],
    ],
    [
      { withdraw: { accountId: a, amount: '65', ...key } },
      [entry(a, 'DEBIT', 'POSTED', '65.00', '40.00', '40.00'), expect.anything()],
    ],
    [
      { transfer: between },
      [
        entry(a, 'DEBIT', 'POSTED', '40.00', '65.00', '40.00'),
        entry(b, 'CREDIT', 'POSTED', '40.00', '50.00', '0.00'),
      ],
    ],
    [
      {
        post: {
          keyAccountId: b,
          entries: [
            { accountId: b, side: 'DEBIT', amount: '10' },
            { accountId: a, side: 'CREDIT', amount: '9' },
            { accountId: a, side: 'CREDIT', amount: '1' },
          ],
          ...key,
        },
      },
      [
        entry(b, 'DEBIT', 'POSTED', '10.00', '0.00', '0.00'),
        entry(a, 'CREDIT', 'POSTED', '9.00', '114.00', '40.00'),
        entry(a, 'CREDIT', 'POSTED', '1.00', '115.00', '40.00'),
      ],
    ],
    [
      { reverse: { transactionId, amount: '2', ...key } },
      [expect.anything(), entry(a, 'DEBIT', 'POSTED', '2.00', '103.00', '40.00')],
    ],
    [
      { placeHold: { ...between, amount: '65' } },
      [
        entry(a, 'DEBIT', 'PENDING', '65.00', '105.00', '105.00'),
        entry(b, 'CREDIT', 'PENDING', '65.00', '10.00', '0.00'),
      ],
    ],
    [
      { captureHold: { holdId, amount: '30', ...key } },
      [
        entry(a, 'CREDIT', 'PENDING', '40.00', '105.00', '0.00'),
        entry(b, 'DEBIT', 'PENDING', '40.00', '10.00', '0.00'),
        entry(a, 'DEBIT', 'POSTED', '30.00', '75.00', '0.00'),
        entry(b, 'CREDIT', 'POSTED', '30.00', '40.00', '0.00'),
      ],
    ],
    [
      { voidHold: { holdId, ...key } },
      [
        entry(a, 'CREDIT', 'PENDING', '40.00', '105.00', '0.00'),
        entry(b, 'DEBIT', 'PENDING', '40.00', '10.00', '0.00'),
      ],
    ],
  ];
  for (const [operation, entries] of shown) {
    expect(await preview(operation)).toEqual({ __typename: 'Preview', entries });
  }
  expect(await books()).toEqual(before);
  // The key is still unused.
  expect(await api.mutate('transfer', between)).toMatchObject({ __typename: 'TransactionPosted' });
});

test('a key that was used before is ignored', async () => {
  const input = { fromAccountId: a, toAccountId: b, amount: '60', idempotencyKey: newKey() };
  await api.mutate('transfer', input);
  expect(await preview({ transfer: input })).toMatchObject({
    __typename: 'InsufficientFundsError',
    account: { id: a },
    available: { amount: '40.00' },
    requested: { amount: '60.00' },
  });
  expect(
    await preview({ deposit: { accountId: a, amount: '1', idempotencyKey: input.idempotencyKey } }),
  ).toMatchObject({ __typename: 'Preview' });
});

test('a preview returns the refusal of the mutation and does not record it', async () => {
  const key = { idempotencyKey: newKey() };
  const between = { fromAccountId: a, toAccountId: b, amount: '40', ...key };
  const externalId = `order ${newKey()}`;
  const { hold } = await api.mutate(
    'placeHold',
    { ...between, idempotencyKey: newKey(), externalId },
    '... on HoldPlaced { hold { id } }',
  );
  const before = await books();
  const exceeded = await preview({ captureHold: { holdId: `ext:${externalId}`, amount: '41', ...key } });
  expect(exceeded).toMatchObject({
    code: 'HOLD_AMOUNT_EXCEEDED',
    hold,
    remaining: { amount: '40.00' },
    replayed: false,
  });
  expect(exceeded['message']).not.toContain('kept for its idempotency key');
  for (const [operation, code] of [
    [{ transfer: { ...between, toAccountId: a } }, 'SAME_ACCOUNT'],
    [{ transfer: { ...between, toAccountId: 'unknown' } }, 'ACCOUNT_NOT_FOUND'],
    [{ transfer: { ...between, fromAccountId: 'unknown' } }, 'ACCOUNT_NOT_FOUND'],
    [{ transfer: { ...between, externalId } }, 'EXTERNAL_ID_TAKEN'],
    [{ transfer: { ...between, conditions: [{ accountId: b, expectedVersion: 9 }] } }, 'CONDITION_FAILED'],
    [{ placeHold: { ...between, amount: '61' } }, 'INSUFFICIENT_FUNDS'],
    [{ captureHold: { holdId: 'ext:nothing', ...key } }, 'HOLD_NOT_FOUND'],
    [{ reverse: { transactionId: 'ext:nothing', ...key } }, 'TRANSACTION_NOT_FOUND'],
    [{ reverse: { transactionId: `ext:${externalId}`, ...key } }, 'NOT_REVERSIBLE'],
  ] as const) {
    expect(await preview(operation)).toMatchObject({ code, retryable: false });
  }
  expect(await books()).toEqual(before);
});

test.each<[object, string, string]>([
  [{ amount: 'x' }, 'INVALID_AMOUNT', 'operation.placeHold.amount'],
  [{ amount: '1.001' }, 'INVALID_AMOUNT', 'operation.placeHold.amount'],
  [{ expiresAt: 'x' }, 'INVALID_INPUT', 'operation.placeHold.expiresAt'],
  [{ expiresAt: '2001-01-01T00:00:00Z' }, 'INVALID_INPUT', 'operation.placeHold.expiresAt'],
  [{ idempotencyKey: '' }, 'INVALID_INPUT', 'operation.placeHold.idempotencyKey'],
])('the invalid field of %j is named by its path from the argument', async (wrong, code, field) => {
  const input = { fromAccountId: a, toAccountId: b, amount: '1', idempotencyKey: newKey(), ...wrong };
  expect(await preview({ placeHold: input })).toMatchObject({ code, field });
});

test('an operation must have exactly one field', async () => {
  const deposit = { accountId: a, amount: '1', idempotencyKey: newKey() };
  for (const operation of [{}, { deposit, withdraw: deposit }, { deposit: null }]) {
    const { errors } = await api.ask(
      'query ($operation: OperationInput!) { preview(operation: $operation) { __typename } }',
      { operation },
    );
    expect(errors).toHaveLength(1);
  }
});
