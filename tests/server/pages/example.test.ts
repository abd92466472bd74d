import { getOperationAST, parse } from 'graphql';
import { afterAll, expect, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { EXAMPLE, type ExampleTab } from '../../../src/server/pages/example.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks } from '../../support/ledger.ts';

const database = await createTestDatabase();
const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
afterAll(async () => {
  await service.stop();
  await expectSoundBooks(database);
});

async function run({ query, variables }: ExampleTab): Promise<unknown> {
  const response = await fetch(service.graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

/** What a tab's comment says is answered, the first time or when it is sent again. */
function promised({ query }: ExampleTab, time: 'Answers' | 'Again'): string | undefined {
  const text = new RegExp(`^# ${time}: (.*(?:\\n#   .*)*)`, 'm').exec(query)?.[1];
  return text?.replaceAll(/\n# +/g, ' ');
}

/** An answer as the comments write it: its fields in their order, without its braces. */
function told(answer: unknown): string {
  const fields: string[] = [];
  JSON.stringify(answer, (name, value: unknown) => {
    if (typeof value !== 'object') fields.push(`${name} ${value}`);
    return value;
  });
  return fields.join(', ');
}

test('GraphiQL’s tabs answer in order what they say, and again what they say then', async () => {
  expect(EXAMPLE.length).toBeGreaterThan(3);
  for (const tab of EXAMPLE) {
    const first = promised(tab, 'Answers');
    expect(first, tab.query).toBeDefined();
    expect(told(await run(tab)), tab.query).toBe(first);
    expect(told(await run(tab)), tab.query).toBe(promised(tab, 'Again') ?? first);
  }
});

test('another amount under a key that was used is told apart', async () => {
  const pay = EXAMPLE.find(({ variables }) => variables !== undefined);
  if (pay === undefined) throw new TypeError('no tab has variables');
  expect(await run({ ...pay, variables: { ...pay.variables, amount: '41.00' } })).toEqual({
    data: {
      transfer: { code: 'IDEMPOTENCY_CONFLICT', differingFields: ['amount'], message: expect.any(String) },
    },
  });
});

test('no line is longer than the editor is wide', () => {
  const lines = EXAMPLE.flatMap(({ query }) => query.split('\n'));
  expect(lines.filter((line) => line.length > 56)).toEqual([]);
});

test('every tab has a title, which no other has', () => {
  const titles = EXAMPLE.map(({ query }) => getOperationAST(parse(query), null)?.name?.value);
  expect(titles).not.toContain(undefined);
  expect(new Set(titles).size).toBe(EXAMPLE.length);
});
