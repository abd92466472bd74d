/**
 * The cost of an API key: HTTP clients post transfers to two services, one whose database has no API key and one that requires it.
 * The services run in turns, each on a database and a process of its own, so that other load on the machine affects both alike.
 *   npm run bench:keys
 */
import { cpus } from 'node:os';
import { ANYBODY } from '../../src/core/access/viewer.ts';
import type { Uuid } from '../../src/core/values/ids.ts';
import type { EmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { migrate } from '../../src/db/postgres/migrator.ts';
import { Engine } from '../../src/ledger/engine.ts';
import { withTemporaryPostgres } from '../temporary-postgres.ts';
import { query, withDatabases, withName } from './databases.ts';
import { makeAccounts } from './engine.ts';
import { type HttpStage, openHttp } from './load/http.ts';

const ACCOUNTS = 10_000;
const CONNECTIONS = [16, 256];
const ROUNDS = Number(process.env['ROUNDS'] ?? 9);
const TIMING = { warmUpMs: 300, durationMs: 2000 };
const MIN_RATIO = 0.97;

const TEMPLATE = 'keys_template';
const OPEN = 'keys_open';
const KEYED = 'keys_required';

async function prepareTemplate({ ownerUrl, serviceUrl }: EmbeddedPostgres): Promise<readonly Uuid[]> {
  await query(ownerUrl, `create database ${TEMPLATE}`);
  await migrate(withName(ownerUrl, TEMPLATE), () => {});
  const ledger = await Engine.openMain({ databaseUrl: withName(serviceUrl, TEMPLATE) });
  return makeAccounts(ledger, ACCOUNTS).finally(() => ledger.close());
}

async function createKey(databaseUrl: string): Promise<string> {
  const engine = await Engine.open({ databaseUrl });
  try {
    const { id } = await engine.main();
    const input = { name: 'bench', scopes: ['POST'], requestsPerSecond: 1_000_000 } as const;
    const created = await engine.access.createKey(ANYBODY, id, input, 'bench');
    if (created.code !== 'API_KEY_CREATED') throw new Error(`no key was created: ${created.code}`);
    return created.secret;
  } finally {
    await engine.close();
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function compare(open: HttpStage, keyed: HttpStage, connections: number): Promise<boolean> {
  const perSecond = async (stage: HttpStage) =>
    (await stage.closed('uniform', connections, TIMING)).measured.perSecond;
  for (const stage of [open, keyed]) await perSecond(stage);
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // The first of a pair has the smaller books: the order alternates.
    const first = round % 2 === 0 ? open : keyed;
    const speeds = new Map([[first, await perSecond(first)]]);
    const second = first === open ? keyed : open;
    speeds.set(second, await perSecond(second));
    const [without = Number.NaN, withKey = Number.NaN] = [speeds.get(open), speeds.get(keyed)];
    ratios.push(withKey / without);
    console.log(
      `${connections} connections, round ${round + 1} of ${ROUNDS}: ${Math.round(without)} transfers/s without a key, ` +
        `${Math.round(withKey)} with a key (${(withKey / without).toFixed(3)})`,
    );
  }
  const ratio = median(ratios);
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((each) => each.toFixed(3));
  const isWell = ratio >= MIN_RATIO;
  console.log(
    `${isWell ? '✓' : '✗'} ${connections} connections: with a key ${ratio.toFixed(3)} times (${least} to ${most}), at least ${MIN_RATIO}`,
  );
  return isWell;
}

async function run(server: EmbeddedPostgres): Promise<void> {
  const accounts = await prepareTemplate(server);
  const clones = [OPEN, KEYED].map((name) => ({ name, template: TEMPLATE }));
  await withDatabases(server.ownerUrl, clones, async () => {
    const apiKey = await createKey(withName(server.serviceUrl, KEYED));
    const open = await openHttp({ databaseUrl: withName(server.serviceUrl, OPEN), accounts });
    const keyed = await openHttp({ databaseUrl: withName(server.serviceUrl, KEYED), accounts, apiKey });
    try {
      for (const connections of CONNECTIONS) {
        if (!(await compare(open, keyed, connections))) process.exitCode = 1;
      }
    } finally {
      await open.close();
      await keyed.close();
    }
  });
}

console.log(`${cpus().length} cores of ${cpus()[0]?.model ?? 'unknown make'}, Node ${process.version}`);
await withTemporaryPostgres(run, { isDurable: true });
