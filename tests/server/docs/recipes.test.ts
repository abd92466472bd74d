import { afterAll, expect, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { createTestDatabase } from '../../support/database.ts';
import { readPage } from '../../support/docs.ts';
import { expectSoundBooks } from '../../support/ledger.ts';
import { expectAnswers, readWalk } from '../../support/walk.ts';

const page = await readPage('docs/recipes.md');
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

test('every request of the page belongs to a recipe', () => {
  expect(readWalk(introduction)).toEqual([]);
  expect(recipes.length).toBeGreaterThan(5);
  for (const { title, steps } of recipes) expect(steps.length, title).toBeGreaterThan(2);
});

// In reverse order, so that a recipe that depends on an earlier one fails.
test.each(recipes.toReversed())('the requests of “$title” return what the page shows', async ({ steps }) => {
  await expectAnswers(service.graphqlUrl, steps);
});
