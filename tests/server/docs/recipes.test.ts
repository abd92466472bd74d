import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks } from '../../support/ledger.ts';
import { expectAnswers, readWalk } from '../../support/walk.ts';

const page = await readFile(join(import.meta.dirname, '../../../docs/recipes.md'), 'utf8');
const [introduction = '', ...sections] = page.split(/^## /m);
const recipes = sections.map((section) => ({
  title: section.slice(0, section.indexOf('\n')),
  steps: readWalk(section),
}));

const database = await createTestDatabase();
const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
afterAll(async () => {
  await service.stop();
  await expectSoundBooks(database);
});

test('the page has its recipes, and no request outside of them', () => {
  expect(readWalk(introduction)).toEqual([]);
  expect(recipes.length).toBeGreaterThan(5);
  for (const { title, steps } of recipes) expect(steps.length, title).toBeGreaterThan(2);
});

// The last one first: a recipe that leaned on one before it would fail.
test.each(recipes.toReversed())('the recipe “$title” answers what its page says', async ({ steps }) => {
  await expectAnswers(service.graphqlUrl, steps);
});
