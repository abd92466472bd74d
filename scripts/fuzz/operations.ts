/**
 * Sends random documents to graphql-js and to compiled operations, each on a database of its own, and compares all answers and
 * rows. Exits with status 1 at the first difference, or if almost nothing was compiled.
 *   node scripts/fuzz/operations.ts --documents 20000 --seed 1
 */
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import pg from 'pg';
import type { EmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { withName } from '../bench/databases.ts';
import { withTemporaryLedger } from '../temporary-postgres.ts';
import { writeBooks } from './books.ts';
import { compareOperations } from './comparison.ts';

/** A percentage of the documents. */
const MIN_COMPILED = 10;

const { values } = parseArgs({ options: { documents: { type: 'string' }, seed: { type: 'string' } } });
const documents = Number(values.documents ?? 20_000);
const seed = Number(values.seed ?? randomInt(2 ** 31));
console.log(`${documents} documents, seed ${seed}`);

try {
  await withTemporaryLedger(fuzz);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function fuzz({ ownerUrl, serviceUrl }: EmbeddedPostgres): Promise<void> {
  const names = await writeBooks(serviceUrl);
  const owner = new pg.Client({ connectionString: withName(ownerUrl, 'postgres') });
  await owner.connect();
  await owner.query(`create database compiled template ${new URL(ownerUrl).pathname.slice(1)}`);
  await owner.end();
  const started = performance.now();
  const counts = await compareOperations({
    seed,
    documents,
    names,
    plain: { ownerUrl, serviceUrl },
    compiled: { ownerUrl: withName(ownerUrl, 'compiled'), serviceUrl: withName(serviceUrl, 'compiled') },
    onProgress: (now) => {
      if (now.documents % 1000 === 0) console.log(`${JSON.stringify(now)} after ${seconds(started)}`);
    },
  });
  console.log(`${JSON.stringify(counts)} after ${seconds(started)}`);
  if (counts.compiled * 100 < documents * MIN_COMPILED) {
    throw new Error(`Only ${counts.compiled} of ${documents} documents were compiled.`);
  }
  console.log('All answers and rows are equal.');
}

function seconds(since: number): string {
  return `${Math.round((performance.now() - since) / 1000)} s`;
}
