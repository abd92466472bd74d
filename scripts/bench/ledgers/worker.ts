/**
 * A process with an engine of its own, and callers that post transfers to its ledgers. Its parent sends it messages: first the
 * database, to which it replies when it is ready; then one job after another, to each of which it replies with the number of
 * transfers and those that were acknowledged.
 */
import { once } from 'node:events';
import { formatId } from '../../../src/core/values/ids.ts';
import { Engine } from '../../../src/ledger/engine.ts';
import { postByEngine } from '../engine.ts';
import { closedLoop } from '../load/callers.ts';
import type { Acknowledged, Timing } from '../stage.ts';
import { createPicker, type Pair } from '../workload.ts';

/** The ledgers to post to, with their accounts, and the callers of each. */
export interface Job extends Timing {
  readonly ledgers: readonly { readonly name: string; readonly accounts: readonly string[] }[];
  readonly callers: number;
}

export interface JobResult {
  readonly perSecond: number;
  readonly p99: number;
  readonly acknowledged: readonly Acknowledged[];
}

process.once('disconnect', () => process.exit());
const [databaseUrl] = (await once(process, 'message')) as [string];
const engine = await Engine.open({ databaseUrl });
process.on('message', (job: Job) => {
  void run(job).then((result) => process.send?.(result));
});
process.send?.('ready');

async function run({ ledgers, callers, warmUpMs, durationMs }: Job): Promise<JobResult> {
  const targets = await Promise.all(
    ledgers.map(async ({ name, accounts }) => {
      const ledger = await engine.ledger(name);
      if (ledger === undefined) throw new Error(`there is no ledger ${name}`);
      return {
        ledger,
        pick: createPicker(
          'uniform',
          accounts.map((id) => formatId('account', id)),
        ) as () => Pair,
      };
    }),
  );
  const { measured, acknowledged } = await closedLoop(
    (caller) => {
      const target = targets[caller % targets.length];
      if (target === undefined) throw new TypeError('a job has a ledger');
      return postByEngine(target.ledger, 'uniform', target.pick());
    },
    { callers, warmUpMs, durationMs },
  );
  return { perSecond: measured.perSecond, p99: measured.p99, acknowledged };
}
