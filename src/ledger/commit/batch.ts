/**
 * Posts one batch in one database transaction: lock, read, decide, write, commit.
 *
 * | pipeline | statement           | purpose                                                                     |
 * |----------|---------------------|-----------------------------------------------------------------------------|
 * | 1        | start transaction   | read committed: each statement sees what was committed before it            |
 * |          | select … for update | locks every account of the batch, lowest id first                           |
 * |          | select              | reads the keys' recorded outcomes, externalIds, the closed period, the clock |
 * | 2        | with … insert       | writes transactions and entries; triggers move the accounts, append a block |
 * |          | commit              | makes them durable before any caller is answered                            |
 *
 * The number of statements does not depend on the size of the batch. Each key belongs to a locked account, so that no other batch
 * decides the same key at the same time. A batch of replays commits too: its commit waits for that of the outcome it repeats.
 *
 * If the states of its accounts are cached, a batch of new commands is first written optimistically: see optimistic.ts.
 */

import type { BatchNames } from '../../db/journal/locking.ts';
import { COMMIT, pipeline } from '../../db/postgres/pipeline.ts';
import { collectNames, decideOn, findAll, rememberIds, transaction } from './deciding.ts';
import { type PostingContext, postOptimistically, type RegularPath } from './optimistic.ts';
import { inTurns } from './turns.ts';
import type { Unit, UnitAnswer } from './unit.ts';

/** Posts a batch. The answers are in the order of the units. Rejects if nothing was done, or with CommitUnknownError. */
export function postBatch(context: PostingContext, units: readonly Unit[]): Promise<UnitAnswer[]> {
  return context.currencies.reading(() => {
    const names = collectNames(units);
    return postOptimistically(context, units, names.accounts, (note) =>
      postLocked(context, units, names, note),
    );
  });
}

function postLocked(
  context: PostingContext,
  units: readonly Unit[],
  names: BatchNames,
  note: Parameters<RegularPath>[0],
): Promise<UnitAnswer[]> {
  const { ledgerId, onAnswer } = context;
  return transaction(context, async (trx) => {
    const found = await findAll(trx, context, names, units);
    const { book, decisions, block } = await inTurns(decideOn(ledgerId, found, units));
    note(found, book.accounts);
    rememberIds(units, decisions);
    await pipeline(trx, [...block, COMMIT], onAnswer);
    return decisions.map(({ answer }) => answer);
  });
}
