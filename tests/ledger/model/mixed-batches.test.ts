import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { expectSoundBooks } from '../../support/ledger.ts';
import { isAgain } from './atomic-model.ts';
import { explainByJournal, type Row } from './mixed-check.ts';
import { compareMix, randomSeed } from './mixed-compare.ts';
import type { Kind } from './mixed-requests.ts';
import type { Answered } from './mixed-run.ts';
import { loadProgram } from './planted.ts';
import { KEPT, targetOf } from './reference-model.ts';

const database = await createTestDatabase();

describe('single commands and batches of both modes, sent to two ledgers at once', () => {
  afterAll(() => expectSoundBooks(database));

  test('receive the outcomes that the journal has, and the same ones again', {
    timeout: 60_000,
  }, async () => {
    const seed = randomSeed();
    console.log(`requests of seed ${seed}; repeat with SEED=${seed}`);
    const locked = lockNowAndThen(database);
    const { answers, rows, sharedBlocks } = await compareMix(await loadProgram(), database, {
      seed,
      waves: 3,
    });
    const locks = await locked.stop();

    const counts = countAnswers(answers);
    console.log({ ...counts, rows: rows.length, sharedBlocks, locks });
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0);
    expect(sharedBlocks).toBeGreaterThan(10);
    expect(locks).toBeGreaterThan(3);

    // A journal in another order does not explain the answers.
    const inOrder = placesOf(answers, rows, 'INDEPENDENT');
    expect(() => explainByJournal(answers, withSwapped(rows, inOrder))).toThrow('after a later operation');
    const [, second = 0] = placesOf(answers, rows, 'ATOMIC');
    const torn = rows.map((row, at) => (at === second ? { ...row, block: 'another' } : row));
    expect(() => explainByJournal(answers, torn)).toThrow('apart from');
  });
});

/** Keeps some account locked most of the time, longer than the lock timeout, so that commands on it are parked. */
function lockNowAndThen({ ownerUrl }: TestDatabase): { stop(): Promise<number> } {
  const run = { isOver: false };
  const locking = (async () => {
    const holder = new pg.Client({ connectionString: ownerUrl });
    await holder.connect();
    let locks = 0;
    for (; !run.isOver; locks += 1) {
      await holder.query('begin');
      await holder.query(
        'select from accounts where id = (select id from accounts order by random() limit 1) for update',
      );
      await sleep(350);
      await holder.query('rollback');
      await sleep(250);
    }
    await holder.end();
    return locks;
  })();
  return {
    stop() {
      run.isOver = true;
      return locking;
    },
  };
}

/** Returns the places in the journal of a batch that has at least ten outcomes. */
function placesOf(answers: readonly Answered[], rows: readonly Row[], kind: Kind): number[] {
  const batches = answers.filter((answered) => answered.kind === kind);
  const places = batches.map(({ requests, texts }) => {
    const isNew = (key: string) =>
      requests.some(
        (request, place) =>
          'key' in request && request.key === key && /^POSTED .*}$/.test(texts[place] ?? ''),
      );
    return [...rows.entries()].flatMap(([at, { key }]) => (isNew(key) ? [at] : []));
  });
  return places.find(({ length }) => length >= 10) ?? [];
}

/** Swaps the first two of these rows. */
function withSwapped(rows: readonly Row[], [one = 0, other = 0]: readonly number[]): Row[] {
  const [first, second] = [rows[one] as Row, rows[other] as Row];
  return rows.with(one, { ...second, block: first.block }).with(other, { ...first, block: second.block });
}

/** Counts the answers that the test is about. */
function countAnswers(answers: readonly Answered[]) {
  const atomic = answers.filter(({ kind }) => kind === 'ATOMIC');
  const aborted = atomic.filter(({ index }) => index !== undefined);
  const count = (some: readonly Answered[], sought: RegExp) =>
    some.flatMap(({ texts }) => texts).filter((text) => sought.test(text)).length;
  const named = answers.filter(({ kind, requests, index }) => {
    return (
      kind !== 'SINGLE' && index === undefined && requests.some((one) => targetOf(one)?.startsWith('ext:'))
    );
  });
  return {
    posted: count(answers, /^POSTED .*}$/),
    again: count(answers, / again$/),
    conflicts: count(answers, /^IDEMPOTENCY_CONFLICT/),
    taken: count(answers, /^EXTERNAL_ID_TAKEN/),
    conditions: count(answers, /^CONDITION_FAILED/),
    funds: count(answers, /^INSUFFICIENT_FUNDS/),
    atomicPosted: atomic.length - aborted.length,
    atomicLarge: atomic.filter(({ texts, index }) => index === undefined && texts.length > 50).length,
    atomicAborted: aborted.length,
    atomicAbortedForGood: aborted.filter(({ texts: [cause = ''] }) => KEPT.test(cause) && !isAgain(cause))
      .length,
    namedByExternalId: named.length,
  };
}
