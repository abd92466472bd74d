import { formatId } from '../../core/values/ids.ts';
import type { Engine } from '../../ledger/engine.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { demandLedger } from '../ledgers.ts';
import type { Operator } from '../operator.ts';
import { COMMAND, CommandError, type Report } from '../report.ts';
import { dayOf } from './calendar.ts';
import { planDemo } from './plan.ts';
import { DemoRun } from './run.ts';

/** Fills an empty ledger with the books of a small marketplace. `note` receives a line per phase. */
export async function fillDemo(
  engine: Engine,
  { viewer, requestId }: Operator,
  ledgerName: string,
  note: (line: string) => void,
): Promise<Report> {
  const ledger = (await demandLedger(engine, ledgerName)).as(viewer);
  await demandEmpty(ledger);
  const plan = planDemo(dayOf(BigInt(Date.now()) * 1000n));
  const run = new DemoRun(ledger, requestId, note);
  await run.createAccounts(plan.accounts);
  for (const phase of plan.phases) await run.post(phase);

  const { posted } = run;
  const { accounts, transactions, declined, changes } = posted;
  const width = Math.max(...plan.highlights.map(({ name }) => name.length));
  return {
    json: {
      ledger: { id: formatId('ledger', ledger.id), name: ledger.name },
      ...posted,
      lookAt: plan.highlights,
    },
    lines: [
      `The ledger ${ledger.name} has a demo: ${accounts} accounts, ${transactions} transactions, ` +
        `${declined} declined attempts and ${changes} changes of accounts.`,
    ],
    after: [
      'Start the service with npm start and open http://127.0.0.1:4000/ (or the address it prints). Look at:',
      ...plan.highlights.map(({ name, shows }) => `  ${name.padEnd(width)}  ${shows}`),
    ],
  };
}

/**
 * Throws `CommandError` unless the ledger has no account. Without accounts there are no transactions. A demo that was interrupted
 * is not completed: its accounts look like those of real books, whose balances a resumed demo could change. A run takes seconds and
 * a ledger costs nothing, so that a fresh start in another ledger is the safe way.
 */
async function demandEmpty(ledger: Ledger): Promise<void> {
  const { rows } = await ledger.listAccounts({}, { limit: 1, inverted: false });
  if (rows.length === 0) return;
  const { head } = await ledger.state();
  const contents = head.number === 0n ? 'accounts' : 'accounts and transactions';
  throw new CommandError(
    `The ledger ${ledger.name} has ${contents}. The demo fills only an empty ledger, and does not complete a demo that was ` +
      `interrupted. Create another ledger: ${COMMAND} ledgers create NAME. Then: ${COMMAND} demo --ledger NAME`,
  );
}
