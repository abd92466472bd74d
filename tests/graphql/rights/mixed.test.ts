import { afterAll, describe, expect, test } from 'vitest';
import type { Scope } from '../../../src/core/access/viewer.ts';
import { createTestDatabase } from '../../support/database.ts';
import { balance, expectSoundBooks, makeAccount, openLedger } from '../../support/ledger.ts';
import { compiled, executed, viewerWith } from './execution.ts';
import { makeObjects } from './objects.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const { ids } = await makeObjects(ledger);
afterAll(() => expectSoundBooks(database));

const WAYS = [
  ['executed', executed],
  ['compiled', compiled],
] as const;

describe.each(WAYS)('%s', (_, execute) => {
  test('a document that mixes allowed and forbidden mutations executes the allowed ones, in order', async () => {
    const accountId = await makeAccount(ledger);
    const document = `mutation ($a: DepositInput!, $b: DepositInput!, $freeze: FreezeAccountInput!, $batch: PostBatchInput!) {
      first: deposit(input: $a) { ...P }
      freezeAccount(input: $freeze) { __typename ... on LedgerError { code } }
      again: freezeAccount(input: $freeze) { __typename }
      ...Rest
      postBatch(input: $batch) { ... on BatchProcessed { results { __typename } } }
    }
    fragment P on DepositResult { __typename }
    fragment Rest on Mutation { second: deposit(input: $b) { ...P } }`;
    const deposit = (idempotencyKey: string) => ({ accountId, amount: '1.00', idempotencyKey });
    const answer = await execute(ledger, viewerWith(['POST']), document, {
      a: deposit('a'),
      b: deposit('b'),
      freeze: { accountId },
      batch: { operations: [{ deposit: deposit('c') }] },
    });
    expect(answer).toEqual({
      data: {
        first: { __typename: 'TransactionPosted' },
        freezeAccount: { __typename: 'ForbiddenError', code: 'FORBIDDEN' },
        again: { __typename: 'ForbiddenError' },
        second: { __typename: 'TransactionPosted' },
        postBatch: { results: [{ __typename: 'TransactionPosted' }] },
      },
    });
    expect(await balance(ledger, accountId)).toBe(300n);
  });

  test('a forbidden mutation leaves its key free', async () => {
    const accountId = await makeAccount(ledger);
    const document =
      'mutation ($input: DepositInput!) { deposit(input: $input) { __typename ... on TransactionPosted { replayed } } }';
    const input = { accountId, amount: '1.00', idempotencyKey: 'free' };
    expect(await execute(ledger, viewerWith(['READ', 'MANAGE', 'ADMIN']), document, { input })).toEqual({
      data: { deposit: { __typename: 'ForbiddenError' } },
    });
    expect(await ledger.outcomeByKey(accountId, 'free')).toBeUndefined();
    expect(await execute(ledger, viewerWith(['POST']), document, { input })).toEqual({
      data: { deposit: { __typename: 'TransactionPosted', replayed: false } },
    });
  });

  test('a document that mixes allowed and forbidden queries answers the allowed ones', async () => {
    const document = `query ($id: ID!) { viewer { scopes owner } ...Rest me: viewer { actor { kind name } } }
      fragment Rest on Query { hidden: account(id: $id) { id } }`;
    const answer = await execute(ledger, viewerWith(['POST', 'ADMIN']), document, { id: ids.account });
    expect(answer).toMatchObject({
      data: {
        viewer: { scopes: ['POST', 'ADMIN'], owner: null },
        hidden: null,
        me: { actor: { kind: 'CLI', name: 'command line' } },
      },
      errors: [{ path: ['hidden'], extensions: { code: 'FORBIDDEN' } }],
    });
  });

  test('an API key and its actor are found by node only with ADMIN', async () => {
    const document = 'query ($id: ID!) { node(id: $id) { __typename id } }';
    for (const [typeName, id] of [
      ['ApiKey', ids.apiKey],
      ['Actor', ids.actor],
    ] as const) {
      const find = (scopes: readonly Scope[]) => execute(ledger, viewerWith(scopes), document, { id });
      expect(await find(['READ', 'POST', 'MANAGE'])).toEqual({ data: { node: null } });
      expect(await find(['READ', 'ADMIN'])).toEqual({ data: { node: { __typename: typeName, id } } });
    }
  });
});
