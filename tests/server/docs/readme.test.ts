import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { MAX_REQUEST_BYTES } from '../../../src/graphql/execution/yoga.ts';
import { MAX_NODES } from '../../../src/graphql/node.ts';
import { MAX_READ_BYTES } from '../../../src/graphql/protection/answer-budget.ts';
import { MAX_ANSWER_BYTES, MAX_COST } from '../../../src/graphql/protection/cost.ts';
import { DOCUMENT_LIMITS } from '../../../src/graphql/protection/document-limits.ts';
import * as prices from '../../../src/graphql/protection/prices.ts';
import * as limits from '../../../src/server/http/limits.ts';
import { COMMAND_LANGUAGES } from '../../support/commands.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, openLedger } from '../../support/ledger.ts';
import { expectAnswers, readWalk } from '../../support/walk.ts';

const README = join(import.meta.dirname, '../../../README.md');
const database = await createTestDatabase();
const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
afterAll(async () => {
  await service.stop();
  await expectSoundBooks(database);
});

test('the README’s walk answers what the README says', async () => {
  const steps = readWalk(await readFile(README, 'utf8'), COMMAND_LANGUAGES);
  expect(steps.length).toBeGreaterThan(5);
  await expectAnswers(service.graphqlUrl, steps);
});

test('the README has the number of each limit', async () => {
  const readme = await readFile(README, 'utf8');
  const { load } = await openLedger(database);
  const of = DOCUMENT_LIMITS;
  const seconds = [limits.HEADERS_TIMEOUT_MS, limits.REQUEST_TIMEOUT_MS, limits.SILENCE_TIMEOUT_MS];
  const rows: Readonly<Record<string, readonly number[]>> = {
    head: [limits.MAX_HEAD_BYTES / 2 ** 10],
    body: [MAX_REQUEST_BYTES / 2 ** 20, limits.MAX_BODY_BYTES / 2 ** 20],
    'bodies of unanswered requests': [
      limits.MAX_BUFFERED_BYTES / 2 ** 20,
      limits.MAX_SMALL_BODY_BYTES / 2 ** 10,
    ],
    'body above 1 MiB': [limits.MAX_LARGE_ELEMENTS, limits.MAX_LARGE_NESTING, limits.MAX_LARGE_NAMES],
    document: [of.characters, of.tokens, of.nesting, of.definitions],
    selections: [of.selections, of.repeats],
    'fields of a mutation': [of.mutationFields],
    cost: [
      MAX_COST,
      prices.METADATA_COST,
      prices.DESCRIPTION_COST,
      prices.STATEMENT_COST,
      prices.TRIAL_BALANCE_COST,
      prices.TRANSACTION_COST,
      prices.CURRENCIES,
    ],
    answer: [MAX_ANSWER_BYTES, MAX_READ_BYTES, limits.MAX_UNREAD_BYTES].map((bytes) => bytes / 2 ** 20),
    'a page, ids of `nodes`': [MAX_NODES],
    time: [...seconds, limits.KEEP_ALIVE_MS].map((ms) => ms / 1000),
    connections: [limits.MAX_CONNECTIONS],
    'writes that wait': [load.maxQueue, limits.MAX_SMALL_BODY_BYTES / 2 ** 10],
  };
  for (const [name, numbers] of Object.entries(rows)) {
    const row = readme.split('\n').find((line) => line.startsWith(`| ${name} |`)) ?? '';
    for (const number of numbers) expect(row).toMatch(new RegExp(`\\b${number.toLocaleString('en')}\\b`));
  }
});
