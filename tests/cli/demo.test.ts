import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PlannedOperation } from '../../src/cli/demo/operation.ts';
import { planDemo } from '../../src/cli/demo/plan.ts';
import { DemoRun } from '../../src/cli/demo/run.ts';
import { COMMAND_LINE } from '../../src/core/access/actor.ts';
import type { TransactionType } from '../../src/core/transaction.ts';
import { Engine } from '../../src/ledger/engine.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { type CliResult, PROGRAM, runCli, runJson } from '../support/cli.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, makeLedgers } from '../support/ledger.ts';

let database: TestDatabase;
let env: { readonly DATABASE_URL: string };
let engine: Engine;
beforeAll(async () => {
  database = await createTestDatabase();
  env = { DATABASE_URL: database.serviceUrl };
  engine = await Engine.open({ databaseUrl: database.serviceUrl, allowUnsafeDurability: true });
  await makeLedgers(engine, ['document', 'foreign', 'opened', 'rivals', 'claimed', 'cut']);
});
afterAll(async () => {
  await engine.close();
  await expectSoundBooks(database);
});

const demo = (...args: readonly string[]) => runCli(['demo', ...args], env);
const REFUSED =
  /The demo fills only an empty ledger, .* npm run ledger -- ledgers create NAME\. Then: .*--ledger NAME\n$/;
const PAGE = { limit: 1000, inverted: false } as const;

async function ledgerOf(name: string): Promise<Ledger> {
  const ledger = await engine.ledger(name);
  if (ledger === undefined) throw new TypeError(`there is no ledger ${name}`);
  return ledger.as(COMMAND_LINE);
}

/** Returns the number of the last block, which does not change while nothing is posted. */
async function headOf(name: string): Promise<bigint> {
  const { head } = await (await ledgerOf(name)).state();
  return head.number;
}

function expectRefused({ status, stdout, stderr }: CliResult): void {
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(REFUSED);
}

describe('an empty ledger', { timeout: 120_000 }, () => {
  let filled: CliResult;
  beforeAll(async () => {
    // With a key in the database, the API requires keys. The command line does not.
    expect((await runCli(['keys', 'create', '--name', 'ops', '--scopes', 'ADMIN'], env)).status).toBe(0);
    filled = await demo();
  }, 120_000);

  test('is filled, with a line per phase and the names to look at', async () => {
    expect(filled.stderr).toMatch(
      /^Created 100 accounts\.\n(Posted \d+ transactions, \d+ declined: \d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d\.\n){4}Posted \d+ transactions, 10 declined: [\d-]{10}, with changes of accounts\.\nStart the service with npm start and open http:\/\/127\.0\.0\.1:4000\//,
    );
    expect(filled.stdout).toMatch(
      /^The ledger main has a demo: 101 accounts, \d{4} transactions, \d+ declined attempts and 8 changes of accounts\.\n$/,
    );
    expect(filled.status).toBe(0);
    const main = await ledgerOf('main');
    const names = [...filled.stderr.matchAll(/^ {2}(ext:\S+) +\S/gm)].map(([, name = '']) => name);
    expect(names).toHaveLength(10);
    for (const name of names) {
      expect((await main.accountIdOf(name)) ?? (await main.transactionIdOf(name)), name).toBeDefined();
    }
  });

  test('has as many transactions as the command reports, of each type', async () => {
    const main = await ledgerOf('main');
    const types: TransactionType[] = [];
    for (let after: Parameters<Ledger['listJournal']>[0]; ; ) {
      const page = await main.listJournal(after, 1000);
      if (page === undefined) throw new Error('the journal has no such place');
      types.push(...page.rows.map(({ transaction }) => transaction.type));
      if (!page.hasMore) break;
      after = page.end;
    }
    expect(filled.stdout).toContain(`, ${types.length} transactions, `);
    expect([...new Set(types)].sort()).toEqual([
      'CAPTURE',
      'DEPOSIT',
      'HOLD',
      'JOURNAL',
      'RELEASE',
      'REVERSAL',
      'TRANSFER',
      'WITHDRAWAL',
    ]);
  });

  test('has holds in each state', async () => {
    const main = await ledgerOf('main');
    for (const [status, least] of [
      ['OPEN', 3],
      ['CAPTURED', 100],
      ['VOIDED', 3],
      ['EXPIRED', 2],
    ] as const) {
      const { rows } = await main.listHolds({ status }, PAGE);
      expect(rows.length, status).toBeGreaterThanOrEqual(least);
    }
  });

  test('has accounts in each state, and the changes in its audit log', async () => {
    const main = await ledgerOf('main');
    const statusOf = async (name: string) => {
      const id = (await main.accountIdOf(`ext:${name}`)) ?? '';
      return (await main.findAccounts([id])).get(id);
    };
    expect(await statusOf('customer-viktor')).toMatchObject({ status: 'FROZEN' });
    expect(await statusOf('customer-greta')).toMatchObject({ status: 'CLOSED', posted: 0n });
    expect(await statusOf('merchant-old-town-books')).toMatchObject({ status: 'OPEN' });
    expect(await statusOf('customer-omar')).toMatchObject({ maxBalance: 500_000n });
    expect(await statusOf('merchant-harbour-coffee')).toMatchObject({ minBalance: -25_000n });
    expect(await statusOf('merchant-northside-bakery')).toMatchObject({ actor: COMMAND_LINE.actor?.id });
    const { rows } = await engine.access.listAuditEvents(main.id, {}, PAGE);
    const changes = rows.filter(({ subjectType }) => subjectType === 'ACCOUNT').toReversed();
    expect(changes.map(({ action }) => action)).toEqual([
      ...['updateAccount', 'updateAccount', 'updateAccount', 'updateAccount'],
      ...['freezeAccount', 'freezeAccount', 'closeAccount', 'unfreezeAccount'],
    ]);
    const [requestId, ...others] = new Set(changes.map((change) => change.requestId));
    expect([requestId?.startsWith('cli:'), others]).toEqual([true, []]);
  });

  test('is refused the second time, and nothing is posted', async () => {
    const before = await headOf('main');
    const again = await demo();
    expectRefused(again);
    expect(again.stderr).toMatch(/^error: The ledger main has accounts and transactions\./);
    expect(await headOf('main')).toBe(before);
  });
});

test('--json prints one document, and no progress', { timeout: 60_000 }, async () => {
  const document = await runJson(['demo', '--ledger', 'document'], env);
  expect(document).toEqual({
    ledger: { id: expect.stringMatching(/^ldg_\w{26}$/), name: 'document' },
    accounts: 101,
    transactions: expect.any(Number),
    declined: expect.any(Number),
    changes: 8,
    lookAt: expect.arrayContaining([{ name: 'ext:customer-ines', shows: 'an account with a long history' }]),
  });
});

describe('a ledger that is not empty', { timeout: 60_000 }, () => {
  test('is refused if it has one transaction', async () => {
    await makeAccount(await ledgerOf('foreign'), { funds: '10.00' });
    const refused = await demo('--ledger', 'foreign');
    expectRefused(refused);
    expect(refused.stderr).toMatch(/^error: The ledger foreign has accounts and transactions\./);
    expect(await headOf('foreign')).toBe(1n);
  });

  test('is refused if it has one account', async () => {
    await makeAccount(await ledgerOf('opened'));
    const refused = await demo('--ledger', 'opened');
    expectRefused(refused);
    expect(refused.stderr).toMatch(/^error: The ledger opened has accounts\./);
    expect(await headOf('opened')).toBe(0n);
  });

  test('is refused if a demo was interrupted in it', async () => {
    const child = spawn(process.execPath, [PROGRAM, 'demo', '--ledger', 'cut'], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = once(child, 'exit');
    await once(child.stderr, 'data');
    child.kill('SIGKILL');
    expect(await exited).toEqual([null, 'SIGKILL']);
    const refused = await demo('--ledger', 'cut');
    expectRefused(refused);
    expect(refused.stderr).toContain('does not complete a demo that was interrupted');
  });
});

test('of two demos at the same time, one is complete and the other one creates nothing', {
  timeout: 60_000,
}, async () => {
  const runs = await Promise.all([demo('--ledger', 'rivals'), demo('--ledger', 'rivals')]);
  const [winner, loser] = runs.toSorted((a, b) => (a.status ?? 9) - (b.status ?? 9));
  expect([winner?.status, loser?.status]).toEqual([0, 1]);
  expect(winner?.stdout).toContain('The ledger rivals has a demo: 101 accounts');
  expect(loser?.stderr).toMatch(
    /^error: (Another demo fills the ledger rivals at the same time|The ledger rivals has accounts)/,
  );
  const { rows } = await (await ledgerOf('rivals')).listAccounts({ kind: 'STANDARD' }, PAGE);
  expect(rows).toHaveLength(101);
});

describe('a run', () => {
  const { accounts } = planDemo(20_000);
  const runIn = (ledger: Ledger) => new DemoRun(ledger, 'request', () => {});

  test('creates nothing if another run has created the accounts since it looked', async () => {
    const ledger = await ledgerOf('claimed');
    await runIn(ledger).createAccounts(accounts);
    await expect(runIn(ledger).createAccounts(accounts)).rejects.toThrow(
      /^Another demo fills the ledger claimed at the same time\. This one created nothing\./,
    );
    expect((await ledger.listAccounts({ kind: 'STANDARD' }, PAGE)).rows).toHaveLength(accounts.length);
  });

  test('ends at the first outcome that differs from the plan', async () => {
    const run = runIn(await ledgerOf('claimed'));
    const operation = {
      movement: { type: 'WITHDRAWAL', account: 'customer-ines', amount: 100n },
      key: 'payout-1',
      externalId: 'payout-1',
      description: 'Payout',
      metadata: null,
      effectiveAt: null,
    } as const;
    const post = (expected: PlannedOperation['expected']) =>
      run.post({ title: 'one payout', steps: [{ kind: 'POST', operations: [{ ...operation, expected }] }] });
    await expect(post('POSTED')).rejects.toThrow(
      /^The demo ended early, at payout-1\. .* 0\.00 EUR available.* \(INSUFFICIENT_FUNDS\) .* create another ledger/,
    );
    expect(run.posted).toMatchObject({ transactions: 0, declined: 0 });
    await post('INSUFFICIENT_FUNDS');
    expect(run.posted).toMatchObject({ transactions: 0, declined: 1 });
  });
});

test('an unknown ledger is refused', async () => {
  const { status, stdout, stderr } = await demo('--ledger', 'nowhere');
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^error: The ledger "nowhere" does not exist\. List the ledgers: .*\n$/);
});
