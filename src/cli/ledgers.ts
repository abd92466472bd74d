import { formatId } from '../core/values/ids.ts';
import { formatInstant } from '../core/values/instant.ts';
import { excerpt } from '../core/values/text.ts';
import type { LedgerRow } from '../db/ledgers.ts';
import type { Engine } from '../ledger/engine.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { listAll } from './lists.ts';
import { accepted, type Operator } from './operator.ts';
import { COMMAND, CommandError, formatTable, type Report } from './report.ts';

/** Creates a ledger, unless there is one with this name. */
export async function createLedger(engine: Engine, operator: Operator, name: string): Promise<Report> {
  const { viewer, requestId } = operator;
  const { ledger, replayed } = accepted(await engine.access.createLedger(viewer, name, requestId));
  const id = formatId('ledger', ledger.id);
  return {
    json: { ledger: toJson(ledger), replayed },
    lines: [
      replayed ? `The ledger ${ledger.name} (${id}) exists.` : `Created the ledger ${ledger.name} (${id}).`,
    ],
    after: [
      `Requests use it by the header x-ledger: ${ledger.name}, or by an API key for it:`,
      `  ${COMMAND} keys create --name NAME --scopes READ,POST --ledger ${ledger.name}`,
    ],
  };
}

/** Lists all ledgers, the oldest first. */
export async function listLedgers(engine: Engine, { viewer }: Operator): Promise<Report> {
  const { id } = await engine.main();
  const found = await listAll((range) => engine.access.listLedgers(viewer, id, range));
  // The id of main is not in the order of creation.
  const ledgers = found.toSorted((a, b) => Number(a.createdAt - b.createdAt));
  const rows = ledgers.map((ledger) => [
    ledger.name,
    formatId('ledger', ledger.id),
    formatInstant(ledger.createdAt),
  ]);
  return {
    json: { ledgers: ledgers.map(toJson) },
    lines: formatTable([['NAME', 'ID', 'CREATED'], ...rows]),
    after: ledgers.length > 1 ? [] : [`Create another ledger: ${COMMAND} ledgers create NAME`],
  };
}

/** Returns the ledger of a name. Throws `CommandError` if there is none. */
export async function demandLedger(engine: Engine, name: string): Promise<Ledger> {
  const ledger = await engine.ledger(name);
  if (ledger !== undefined) return ledger;
  throw new CommandError(
    `The ledger ${JSON.stringify(excerpt(name))} does not exist. List the ledgers: ${COMMAND} ledgers list. ` +
      `Create one: ${COMMAND} ledgers create NAME`,
  );
}

function toJson({ id, name, createdAt }: LedgerRow) {
  return { id: formatId('ledger', id), name, createdAt: formatInstant(createdAt) };
}
