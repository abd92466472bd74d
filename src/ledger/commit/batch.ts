/**
 * One batch, one database transaction: lock, read, decide, write, commit.
 *
 * | flight | statement           | what it is for                                                              |
 * |--------|---------------------|-----------------------------------------------------------------------------|
 * | 1      | start transaction   | read committed: each statement sees what others committed before it         |
 * |        | select … for update | every account that the batch names, lowest id first                         |
 * |        | select              | the keys' recorded outcomes, externalIds, the closed period, the clock      |
 * | 2      | with … insert       | transactions and entries; the triggers move the accounts and append a block |
 * |        | commit              | durable before anybody is answered                                          |
 *
 * The number of statements does not depend on the batch's size. A key's account is locked, so that nobody decides the same
 * key elsewhere. A batch of replays alone commits too: its commit waits behind that of the outcome which it repeats.
 *
 * Where the process remembers the accounts' states, a batch of new commands is first tried in one flight: see optimistic.ts.
 */

import type { Naming } from '../../db/journal/locking.ts';
import { COMMIT, pipeline } from '../../db/postgres/pipeline.ts';
import { decideOn, findAll, nameAll, rememberIds, transaction } from './deciding.ts';
import { type PostingContext, postOptimistically } from './optimistic.ts';
import { inTurns } from './turns.ts';
import type { Unit, UnitAnswer } from './unit.ts';

/** Posts a batch; the answers are in the units' order. An error says that nothing was done, or CommitUnknownError. */
export function postBatch(context: PostingContext, units: readonly Unit[]): Promise<UnitAnswer[]> {
  return context.currencies.reading(async () => {
    const named = nameAll(units);
    const optimistic = await postOptimistically(context, units, named.accounts);
    return optimistic ?? postLocked(context, units, named);
  });
}

async function postLocked(
  context: PostingContext,
  units: readonly Unit[],
  named: Naming,
): Promise<UnitAnswer[]> {
  const { ledgerId, memory, answered } = context;
  const decided = memory.announce(named.accounts);
  try {
    return await transaction(context, async (trx) => {
      const found = await findAll(trx, context, named, units);
      const { book, decisions, block } = await inTurns(decideOn(ledgerId, found, units));
      memory.learn(found, book.accounts);
      decided();
      rememberIds(units, decisions);
      await pipeline(trx, [...block, COMMIT], answered);
      return decisions.map(({ answer }) => answer);
    });
  } catch (error) {
    memory.forget(named.accounts);
    throw error;
  } finally {
    decided();
  }
}
