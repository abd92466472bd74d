import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import type { Uuid } from '../../../src/core/values/ids.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { expectSoundBooks } from '../../support/ledger.ts';
import { decideAtomic, isAgain } from './atomic-model.ts';
import { explainByJournal, type Row } from './mixed-check.ts';
import { ACCOUNTS, type Kind, Requests } from './mixed-requests.ts';
import { type Answered, type Mix, send, sendWaves, textsOf } from './mixed-run.ts';
import { compareBooks, Names, type Program } from './model-program.ts';
import { loadProgram, type PlantedBug, withPlanted } from './planted.ts';
import { KEPT, nameOf, targetOf, textOf } from './reference-model.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const database = await createTestDatabase();

describe('single commands and batches of both modes, sent to two ledgers at once', () => {
  afterAll(() => expectSoundBooks(database));

  test('receive the outcomes that the journal has, and the same ones again', {
    timeout: 60_000,
  }, async () => {
    console.log(`requests of seed ${seed}; repeat with SEED=${seed}`);
    const locked = lockNowAndThen(database);
    const { answers, rows, sharedBlocks } = await compareMix(await loadProgram(), database, { waves: 3 });
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

const PLANTED: readonly PlantedBug[] = [
  {
    bug: 'an ATOMIC batch that keeps its operations although one was rejected',
    text: 'ids.push(recordCulprit(',
    instead: 'draft.settle(); ids.push(recordCulprit(',
  },
  {
    bug: 'an ATOMIC batch that does not record its refusal',
    text: 'if (!isRecorded(refusal) || refusal.replayed) return null;',
    instead: 'if (refusal.code.length > 0) return null;',
  },
  {
    bug: 'an INDEPENDENT batch that posts its operations in reverse order',
    text: 'return commands.map((command) => decideOne(book, command));',
    instead: 'return commands.toReversed().map((command) => decideOne(book, command)).toReversed();',
  },
  {
    bug: 'a replay that is not marked as one',
    text: 'replayed: !command.madeIds.has(recorded.id)',
    instead: 'replayed: false',
  },
];

describe('the journal shows', () => {
  test.each(PLANTED)('$bug', { timeout: 60_000 }, (bug) =>
    withPlanted(bug, async (program, planted) => {
      const compared = compareMix(program, planted, { waves: 3 }).then(() => 'nothing was found');
      await expect(compared).rejects.toThrow(/was answered|is recorded|is .*, not/);
    }),
  );
});

/** Sends random requests. Throws if the journal or the model has another answer or another state of the books. */
async function compareMix(
  { Engine, ...program }: Program,
  { serviceUrl, ownerUrl }: TestDatabase,
  { waves }: { readonly waves: number },
) {
  const open = () => Engine.openMain({ databaseUrl: serviceUrl, allowUnsafeDurability: true });
  const [ledger, elsewhere] = [await open(), await open()];
  const reader = new pg.Pool({ connectionString: ownerUrl, max: 1 });
  try {
    const service = { ...program, ledger, reader };
    const names = await Names.make(service, ACCOUNTS);
    const mix = { ledgers: [ledger, elsewhere], program, names };
    const answers = await sendWaves(mix, new Requests(seed), waves);
    const rows = await readJournal(reader, names);
    const explained = explainByJournal(answers, rows);
    await compareBooks(service, names, explained.model);
    await expectSameAgain(mix, answers, explained);
    await compareBooks(service, names, explained.model);
    return { answers, rows, sharedBlocks: explained.sharedBlocks };
  } finally {
    await Promise.all([ledger.close(), elsewhere.close()]);
    await reader.end();
  }
}

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

async function readJournal(reader: pg.Pool, names: Names): Promise<Row[]> {
  const { rows } = await reader.query<Omit<Row, 'name'> & { accountId: Uuid }>(
    `select b.number::text as block, t.account_id as "accountId", substr(t.idempotency_key, $1) as key, t.outcome
     from blocks b join transactions t on t.id between b.first_id and b.last_id
     order by b.number, t.id`,
    [names.run.length + 1],
  );
  return rows.map(({ accountId, ...row }) => ({ ...row, name: nameOf(names.nameOf(accountId), row.key) }));
}

/** Sends every key and every posted ATOMIC batch to both ledgers again. */
async function expectSameAgain(
  mix: Mix,
  answers: readonly Answered[],
  { kept, model }: ReturnType<typeof explainByJournal>,
): Promise<void> {
  const sendings = [
    ...kept.map(({ request, text, isCulprit }) => {
      // The operation that aborted a batch may refer to one that was discarded with the batch.
      const expected = isCulprit ? model.refusalOf(request, 0n) : `${text} again`;
      return { kind: 'SINGLE' as const, requests: [request], expected: [expected] };
    }),
    ...answers
      .filter(({ kind, index }) => kind === 'ATOMIC' && index === undefined)
      .map(({ kind, requests }) => ({ kind, requests, expected: decideAtomic(model, requests, 0n).texts })),
  ];
  const singles = sendings.filter(({ kind }) => kind === 'SINGLE');
  const batches = sendings.filter(({ kind }) => kind !== 'SINGLE');
  const sendAgain = async (ledger: Ledger, { expected, ...sending }: (typeof sendings)[number]) => {
    const { texts } = textsOf(await send(mix, ledger, sending), mix.names);
    if (textOf(texts) !== textOf(expected)) throw new Error(`${texts}\n  was answered, not ${expected}`);
    for (const text of texts)
      if (sending.kind === 'ATOMIC' && !isAgain(text)) throw new Error(`new: ${text}`);
  };
  await Promise.all(
    mix.ledgers.map(async (ledger) => {
      await Promise.all(singles.map((sending) => sendAgain(ledger, sending)));
      for (const sending of batches) await sendAgain(ledger, sending);
    }),
  );
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
