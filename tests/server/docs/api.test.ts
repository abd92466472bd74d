import { afterAll, expect, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { REFUSALS } from '../../../src/core/errors.ts';
import { createTestDatabase } from '../../support/database.ts';
import { readPage } from '../../support/docs.ts';
import { expectSoundBooks } from '../../support/ledger.ts';
import { expectAnswers, readWalk } from '../../support/walk.ts';

const page = await readPage('docs/api.md');
const database = await createTestDatabase();
const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
afterAll(async () => {
  await service.stop();
  await expectSoundBooks(database);
});

test('the requests return what the page shows', async () => {
  const steps = readWalk(page);
  expect(steps.length).toBeGreaterThan(7);
  await expectAnswers(service.graphqlUrl, steps);
});

test('the table of precedence has each code at its step, and says whether it is recorded', () => {
  const shown = [...page.matchAll(/^\| (\d|any) \| (.+) \| (yes|no|as it is) \|$/gm)].flatMap(
    ([, step, codes = '', recorded]) =>
      [...codes.matchAll(/\b[A-Z]+(_[A-Z]+)*\b/g)].map(([code]) => `${step} ${code} ${recorded}`),
  );
  const table = Object.values(REFUSALS).map(
    ({ step, code, recorded }) =>
      `${step ?? 'any'} ${code} ${code === 'COUNTERPARTY' ? 'as it is' : recorded ? 'yes' : 'no'}`,
  );
  const numbered = (rows: string[]) => rows.filter((row) => !row.startsWith('any'));
  expect(numbered(shown)).toEqual(numbered(table));
  expect(shown.toSorted()).toEqual(table.toSorted());
});
