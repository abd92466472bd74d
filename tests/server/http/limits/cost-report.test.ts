import { beforeAll, describe, expect, test } from 'vitest';
import { MAX_COST } from '../../../../src/graphql/protection/cost.ts';
import { createTestDatabase } from '../../../support/database.ts';
import { makeAccount, openLedger } from '../../../support/ledger.ts';
import { asking, exchange, type Sent } from '../exchange.ts';
import { serveAllWays } from '../ways.ts';

const ledger = await openLedger(await createTestDatabase());
const urls = await serveAllWays(ledger);
let account = '';
beforeAll(async () => {
  account = await makeAccount(ledger, { funds: '100' });
});

const HEADER = { 'x-ledger-cost': '1' };
const PAGES = `query ($n: Int!) {
  accounts(first: $n) { nodes { history(first: $n) { nodes { transaction { id } } } } }
}`;
const TRANSFER = 'mutation ($input: TransferInput!) { transfer(input: $input) { __typename } }';

async function bodyOf(url: string, sent: Sent, path = ''): Promise<Record<string, unknown>> {
  const { body } = await exchange(`${url}/graphql${path}`, sent);
  return JSON.parse(body);
}

/** Sends a request twice: on the compiled path, the second answer comes from a compiled operation. */
async function secondBody(url: string, sent: Sent, path = ''): Promise<Record<string, unknown>> {
  await exchange(`${url}/graphql${path}`, sent);
  return bodyOf(url, sent, path);
}

describe.each(Object.entries(urls))('on the %s path', (_, url) => {
  test.each([
    ['a query', '{ ledger { name } }', {}, 1001],
    [
      'a query with a fixed cost and variables',
      'query ($id: ID!) { account(id: $id) { id owner } }',
      { id: 'x' },
      1002,
    ],
    [
      'a query whose variables decide the cost',
      'query ($n: Int!) { accounts(first: $n) { nodes { id } } }',
      { n: 7 },
      1014,
    ],
    ['an error next to data', '{ ledger { name } holds(after: "x") { nodes { id } } }', {}, 2041],
  ])('%s reports its cost', async (_name, query, variables, requested) => {
    const body = await secondBody(url, asking(query, { variables }, HEADER));
    expect(body['extensions']).toEqual({ cost: { requested, limit: MAX_COST } });
  });

  test('a mutation reports its cost next to its data', async () => {
    const other = await makeAccount(ledger);
    const input = { fromAccountId: account, toAccountId: other, amount: '1', idempotencyKey: url };
    expect(await secondBody(url, asking(TRANSFER, { variables: { input } }, HEADER))).toEqual({
      data: { transfer: { __typename: 'TransactionPosted' } },
      extensions: { cost: { requested: 2, limit: MAX_COST } },
    });
  });

  test('a rejection for its cost reports the cost', async () => {
    const { data, errors, extensions } = await secondBody(
      url,
      asking(PAGES, { variables: { n: 100 } }, HEADER),
    );
    expect(data).toBeUndefined();
    const [error] = errors as { extensions: { limit: string; given: number } }[];
    expect(error?.extensions.limit).toBe('cost');
    expect(extensions).toEqual({ cost: { requested: error?.extensions.given, limit: MAX_COST } });
    expect(error?.extensions.given).toBeGreaterThan(MAX_COST);
  });

  test('a large answer reports its cost after the data', async () => {
    const fields = Array.from(
      { length: 30 },
      (_, i) => `a${i}: __schema { types { name description } }`,
    ).join(' ');
    const { data, extensions } = await secondBody(url, asking(`{ ${fields} }`, {}, HEADER));
    expect(JSON.stringify(data).length).toBeGreaterThan(2 ** 17);
    expect(extensions).toEqual({ cost: { requested: expect.any(Number), limit: MAX_COST } });
  });

  test('GET reports the cost', async () => {
    const path = '?query=%7Bledger%7Bname%7D%7D';
    const { extensions } = await bodyOf(url, { method: 'GET', headers: HEADER }, path);
    expect(extensions).toEqual({ cost: { requested: 1001, limit: MAX_COST } });
  });

  test.each([
    ['a syntax error', asking('{', {}, HEADER)],
    ['a validation error', asking('{ nothing }', {}, HEADER)],
    ['an exceeded limit of the document', asking(`{ ${'a '.repeat(41)} }`, {}, HEADER)],
    ['an invalid variable', asking('query ($n: Int!) { accounts(first: $n) { nodes { id } } }', {}, HEADER)],
    ['a request without the header', asking('{ ledger { name } }')],
    ['another value of the header', asking('{ ledger { name } }', {}, { 'x-ledger-cost': '0' })],
  ])('%s reports no cost', async (_name, sent) => {
    expect(await secondBody(url, sent)).not.toHaveProperty('extensions');
  });
});
