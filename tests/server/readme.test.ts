import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startServiceProcess } from '../../scripts/service-process.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks } from '../support/ledger.ts';

const database = await createTestDatabase();
const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
afterAll(async () => {
  await service.stop();
  await expectSoundBooks(database);
});

/** What the README's reader pastes and sees: requests and answers in order. An answer without a request repeats the last. */
async function readWalk(): Promise<{ readonly query: string; readonly answer: unknown }[]> {
  const readme = await readFile(join(import.meta.dirname, '../../README.md'), 'utf8');
  const steps: { query: string; answer: unknown }[] = [];
  let query = '';
  for (const [, language, text = ''] of readme.matchAll(/^```(graphql|json)\n(.*?)^```$/gms)) {
    if (language === 'graphql') query = text;
    else steps.push({ query, answer: JSON.parse(text) });
  }
  return steps;
}

test('the README’s walk answers what the README says', async () => {
  const steps = await readWalk();
  expect(steps.length).toBeGreaterThan(5);
  for (const { query, answer } of steps) {
    const response = await fetch(service.graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    expect(await response.json(), query).toEqual(answer);
  }
});
