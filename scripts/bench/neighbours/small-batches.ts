/** Many callers of small batches over HTTP, compared with the server's bulk limit. */
import type { Uuid } from '../../../src/core/values/ids.ts';
import { Engine } from '../../../src/ledger/engine.ts';
import type { BatchMode } from '../../../src/ledger/ledger.ts';
import { runLimit } from '../baseline/limit.ts';
import { checkBareTables, checkBooks } from '../books.ts';
import { query } from '../databases.ts';
import { makeAccounts } from '../engine.ts';
import { openHttp } from '../load/http.ts';
import { LIMIT } from '../report/comparisons.ts';
import type { Acknowledged } from '../stage.ts';
import { BARE_ACCOUNTS, type Neighbour, type Stage } from './neighbour.ts';

const OPERATIONS = 50;
const ACCOUNTS = 10_000;
const nameOf = (mode: BatchMode, connections: number) =>
  `${mode} of ${OPERATIONS}, ${connections} connections`;

const TURNS = [
  { mode: 'ATOMIC', connections: 100 },
  { mode: 'INDEPENDENT', connections: 100 },
  { mode: 'ATOMIC', connections: 4 },
] as const;
const ofLimit = {
  section: 'neighbours',
  over: LIMIT,
  unit: '×',
  better: 'more',
  floor: 0.35,
  aim: 0.5,
} as const;

export const smallBatches: Neighbour = {
  name: 'small-batches',
  comparisons: TURNS.filter(({ connections }) => connections > 4).map(({ mode, connections }) => ({
    figure: nameOf(mode, connections),
    ...ofLimit,
  })),
  measure,
};

async function measure({ serviceUrl, ownerUrl, bareUrl, figures, rounds, timing }: Stage): Promise<void> {
  const acknowledged: Acknowledged[] = [];
  let posted = 0;
  const accounts = await prepareAccounts(serviceUrl, ownerUrl);
  const http = await openHttp({ databaseUrl: serviceUrl, accounts });
  try {
    const post = async (mode: BatchMode, connections: number) => {
      const result = await http.batch(mode, OPERATIONS, connections, timing);
      for (const one of result.acknowledged) acknowledged.push(one);
      return result;
    };
    for (const { mode, connections } of TURNS) await post(mode, connections);
    for (let round = 0; round < rounds; round += 1) {
      const limit = await runLimit(bareUrl, { accounts: BARE_ACCOUNTS, backends: 1, ...timing });
      posted += limit.posted;
      figures.addMeasured(LIMIT, limit.measured);
      for (const { mode, connections } of TURNS) {
        const { measured, overloaded, load, service } = await post(mode, connections);
        const name = nameOf(mode, connections);
        const [ofService, ofLoad] = [service.cpu, load.cpu].map((cpu) => (cpu ?? Number.NaN).toFixed(0));
        const shares = `CPU: service ${ofService} %, load ${ofLoad} %`;
        figures.addMeasured(name, measured, `${(overloaded * 100).toFixed(1)} % OVERLOADED; ${shares}`);
        figures.addCheck(`${name}: no batch is OVERLOADED`, overloaded === 0);
      }
    }
  } finally {
    await http.close();
  }
  console.log(`  books: ${await checkBooks(ownerUrl, acknowledged)}`);
  console.log(`  books of the limit: ${await checkBareTables(bareUrl, posted)}`);
}

async function prepareAccounts(serviceUrl: string, ownerUrl: string): Promise<Uuid[]> {
  const ledger = await Engine.openMain({ databaseUrl: serviceUrl });
  const accounts = await makeAccounts(ledger, ACCOUNTS).finally(() => ledger.close());
  await query(ownerUrl, 'vacuum analyze');
  return accounts;
}
