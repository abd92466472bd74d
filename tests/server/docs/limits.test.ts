import { expect, test } from 'vitest';
import { MAX_REQUEST_BYTES } from '../../../src/graphql/execution/yoga.ts';
import { MAX_NODES } from '../../../src/graphql/node.ts';
import { MAX_READ_BYTES } from '../../../src/graphql/protection/answer-budget.ts';
import { MAX_ANSWER_BYTES, MAX_COST } from '../../../src/graphql/protection/cost.ts';
import { DOCUMENT_LIMITS } from '../../../src/graphql/protection/document-limits.ts';
import * as prices from '../../../src/graphql/protection/prices.ts';
import { MAX_BATCH_SIZE, MAX_OPERATIONS } from '../../../src/ledger/operations.ts';
import {
  COST_OF_A_REQUEST,
  DEFAULT_PREVIEW_RATE_LIMIT,
  DEFAULT_RATE_LIMIT,
} from '../../../src/server/access/rate-limits.ts';
import { MAX_WRONG_CREDENTIALS } from '../../../src/server/access/wrong-credentials.ts';
import * as limits from '../../../src/server/http/limits.ts';
import { createTestDatabase } from '../../support/database.ts';
import { readPage } from '../../support/docs.ts';
import { openLedger } from '../../support/ledger.ts';
import { transferCost } from '../access/transfer-cost.ts';

test('the page has the value of each limit', async () => {
  const page = await readPage('docs/limits.md');
  const lines = page.split('\n');
  expect(page).toContain(`${prices.CURRENCIES} currencies`);
  const { load } = await openLedger(await createTestDatabase());
  const of = DOCUMENT_LIMITS;
  const seconds = [limits.HEADERS_TIMEOUT_MS, limits.REQUEST_TIMEOUT_MS, limits.SILENCE_TIMEOUT_MS];
  const rows: Readonly<Record<string, readonly number[]>> = {
    'request line and headers': [limits.MAX_HEAD_BYTES / 2 ** 10],
    body: [MAX_REQUEST_BYTES / 2 ** 20, limits.MAX_BODY_BYTES / 2 ** 20],
    'bodies of pending requests': [
      limits.MAX_BUFFERED_BYTES / 2 ** 20,
      limits.MAX_SMALL_BODY_BYTES / 2 ** 10,
    ],
    'body above 64 KiB': [limits.MAX_LARGE_ELEMENTS, limits.MAX_LARGE_NESTING, limits.MAX_LARGE_NAMES],
    time: [...seconds, limits.KEEP_ALIVE_MS].map((ms) => ms / 1000),
    connections: [limits.MAX_CONNECTIONS],
    document: [of.characters, of.tokens, of.nesting, of.definitions],
    selections: [of.selections, of.repeats],
    'fields of a mutation': [of.mutationFields],
    'ids of `nodes`, elements of a page': [MAX_NODES],
    cost: [
      MAX_COST,
      prices.METADATA_COST,
      prices.DESCRIPTION_COST,
      prices.STATEMENT_COST,
      prices.TRIAL_BALANCE_COST,
      prices.TRANSACTION_COST,
    ],
    response: [MAX_ANSWER_BYTES, MAX_READ_BYTES, limits.MAX_UNREAD_BYTES].map((bytes) => bytes / 2 ** 20),
    'requests per second': [DEFAULT_RATE_LIMIT],
    'previews per second': [DEFAULT_PREVIEW_RATE_LIMIT],
    'cost per second': [COST_OF_A_REQUEST, transferCost()],
    'wrong credentials': [MAX_WRONG_CREDENTIALS],
    'queued writes': [load.maxQueue, limits.MAX_SMALL_BODY_BYTES / 2 ** 10],
    '`postBatch`': [MAX_OPERATIONS, MAX_BATCH_SIZE],
  };
  for (const [name, numbers] of Object.entries(rows)) {
    const row = lines.find((line) => line.startsWith(`| ${name} |`)) ?? '';
    for (const number of numbers) {
      expect(row, `limit ${name}`).toMatch(new RegExp(`\\b${number.toLocaleString('en')}\\b`));
    }
  }
});
