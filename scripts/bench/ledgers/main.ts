/**
 * Many ledgers on one database, posted to by two services at the same time, compared with one ledger and one or two services. All have
 * the same number of callers and of accounts, and take turns, because the speed of a shared machine changes over minutes.
 *   npm run bench:ledgers -- --ledgers 100 --callers 10000 --rounds 5 --seconds 4
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { ANYBODY } from '../../../src/core/access/viewer.ts';
import { migrate } from '../../../src/db/postgres/migrator.ts';
import { Engine } from '../../../src/ledger/engine.ts';
import { quantile } from '../../latency.ts';
import { withTemporaryPostgres } from '../../temporary-postgres.ts';
import { checkBooks } from '../books.ts';
import { query } from '../databases.ts';
import { makeAccounts } from '../engine.ts';
import type { Acknowledged } from '../stage.ts';
import type { Job, JobResult } from './worker.ts';

const SERVICES = 2;
const ACCOUNTS = 10_000;

const { values } = parseArgs({
  options: {
    ledgers: { type: 'string', default: '100' },
    callers: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
  },
});
const [count, callers, rounds, seconds] = [values.ledgers, values.callers, values.rounds, values.seconds].map(
  Number,
) as [number, number, number, number];
const timing = { warmUpMs: seconds * 250, durationMs: seconds * 1000 };

await withTemporaryPostgres(
  async ({ serviceUrl, ownerUrl }) => {
    await migrate(ownerUrl, () => {});
    const [one, many] = await prepare(serviceUrl);
    await query(ownerUrl, 'vacuum analyze');
    const services = await Promise.all(Array.from({ length: SERVICES }, () => start(serviceUrl)));
    const acknowledged: Acknowledged[] = [];
    const measure = async (ledgers: Job['ledgers'], using: readonly ChildProcess[]): Promise<number> => {
      const job = { ledgers, callers: Math.round(callers / using.length), ...timing };
      const results = await Promise.all(using.map((service) => run(service, job)));
      for (const result of results) for (const each of result.acknowledged) acknowledged.push(each);
      return results.reduce((sum, { perSecond }) => sum + perSecond, 0);
    };
    try {
      const stages = [
        { name: 'one ledger, one service', run: () => measure(one, services.slice(0, 1)) },
        { name: `one ledger, ${SERVICES} services`, run: () => measure(one, services) },
        { name: `${count} ledgers, ${SERVICES} services`, run: () => measure(many, services) },
      ];
      const ratios: number[][] = [[], []];
      for (let round = 0; round < rounds; round += 1) {
        const measured = new Map<string, number>();
        // In alternating order.
        for (const { name, run } of round % 2 === 0 ? stages : stages.toReversed())
          measured.set(name, await run());
        const [alone, both, together] = stages.map(({ name }) => measured.get(name) ?? Number.NaN) as [
          number,
          number,
          number,
        ];
        ratios[0]?.push(together / alone);
        ratios[1]?.push(together / both);
        const figures = [...measured].map(([name, perSecond]) => `${name} ${perSecond.toFixed(0)}/s`);
        console.log(`round ${round + 1}: ${figures.join('; ')}`);
      }
      for (const [place, of] of ratios.entries()) {
        const [low, median, high] = [0, 0.5, 1].map((part) => quantile(of, part).toFixed(2));
        console.log(`${stages[2]?.name} / ${stages[place]?.name}: ${median} (${low} to ${high}), aim 0.9`);
      }
    } finally {
      for (const service of services) service.disconnect();
    }
    console.log(`books: ${await checkBooks(ownerUrl, acknowledged)}`);
  },
  { isDurable: true },
);

/** Returns one ledger, and many ledgers that have as many accounts together. */
async function prepare(databaseUrl: string): Promise<readonly [Job['ledgers'], Job['ledgers']]> {
  const engine = await Engine.open({ databaseUrl });
  const make = async (name: string, accounts: number) => {
    const created = await engine.access.createLedger(ANYBODY, name, 'bench');
    const ledger = await engine.ledger(name);
    if (ledger === undefined) throw new Error(`createLedger was refused: ${created.code}`);
    return { name, accounts: await makeAccounts(ledger, accounts) };
  };
  try {
    const one = [await make('one', ACCOUNTS)];
    const many = [];
    for (let n = 0; n < count; n += 1) many.push(await make(`many-${n}`, ACCOUNTS / count));
    return [one, many];
  } finally {
    await engine.close();
  }
}

async function start(databaseUrl: string): Promise<ChildProcess> {
  const service = fork(new URL('./worker.ts', import.meta.url), { serialization: 'advanced' });
  service.send(databaseUrl);
  await once(service, 'message');
  return service;
}

async function run(service: ChildProcess, job: Job): Promise<JobResult> {
  const done = new AbortController();
  const answered = once(service, 'message', done);
  const ended = once(service, 'exit', done).then(() => {
    throw new Error('a service ended during its job');
  });
  service.send(job);
  try {
    const [result] = await Promise.race([answered, ended]);
    return result as JobResult;
  } finally {
    done.abort();
    ended.catch(() => {});
  }
}
