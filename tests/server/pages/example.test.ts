import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getOperationAST, parse, print, visit } from 'graphql';
import { afterAll, expect, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { EXAMPLE, type ExampleTab } from '../../../src/server/pages/example.ts';
import { readBlocks } from '../../support/blocks.ts';
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

/** The fields that a tab's comment says are returned. */
function documented({ query }: ExampleTab): string | undefined {
  return /^# Returns: (.*(?:\n# {3}.*)*)/m.exec(query)?.[1]?.replaceAll(/\n# +/g, ' ');
}

/** An answer as the comments write it: its fields in their order, without its braces. */
function fieldsOf(answer: unknown): string {
  const fields: string[] = [];
  JSON.stringify(answer, (name, value: unknown) => {
    if (typeof value !== 'object' || value === null) fields.push(`${name} ${value}`);
    return value;
  });
  return fields.join(', ');
}

test('each tab of GraphiQL returns, in order, the fields that its comment gives', async () => {
  for (const tab of EXAMPLE) {
    expect(documented(tab), tab.query).toBeDefined();
    expect(fieldsOf(await run(tab)), tab.query).toBe(documented(tab));
  }
});

test('the tabs are the requests of the README’s first walk', async () => {
  const readme = await readFile(join(import.meta.dirname, '../../../README.md'), 'utf8');
  const walk = readBlocks(readme).flatMap(({ language, code }) =>
    language === 'graphql' ? [withoutNames(code)] : [],
  );
  for (const { query } of EXAMPLE) expect(walk).toContain(withoutNames(query));
});

/** A document in one format, without comments and the names of operations. */
function withoutNames(text: string): string {
  return print(visit(parse(text), { OperationDefinition: ({ name: _, ...operation }) => operation }));
}

test('no line is wider than the editor', () => {
  const lines = EXAMPLE.flatMap(({ query }) => query.split('\n'));
  expect(lines.filter((line) => line.length > 56)).toEqual([]);
});

test('every tab has a title of its own', () => {
  const titles = EXAMPLE.map(({ query }) => getOperationAST(parse(query), null)?.name?.value);
  expect(titles).not.toContain(undefined);
  expect(new Set(titles).size).toBe(EXAMPLE.length);
});
