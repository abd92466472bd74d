/** Intents that several processes share, or that outlive one which is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { fileStore } from '../../src/client/file-store.ts';
import { createLedgerClient, type KeyStore, unwrap } from '../../src/client/index.ts';
import { parseId } from '../../src/core/values/ids.ts';
import { serve } from '../graphql/api.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, makeAccounts, openLedger } from '../support/ledger.ts';
import { MODES } from './modes.ts';

const database = await createTestDatabase();
const books = await openLedger(database);
const { server } = await serve(books);
const url = `${server.url}/graphql`;
afterAll(() => expectSoundBooks(database));

describe.each(MODES)('a $mode client:', ({ coalesce }) => {
  async function openAccounts() {
    const [fromAccountId = '', toAccountId = ''] = await makeAccounts(books, 2, {
      funds: '1000',
      minBalance: { amount: '0' },
    });
    const ledger = createLedgerClient({ url, coalesce });
    const paid = async () => (await ledger.account(toAccountId))?.balance.amount;
    return { fromAccountId, toAccountId, ledger, paid };
  }

  /** Starts a process that pays under each intent that it receives. */
  function startRival(folder: string, payment: readonly string[]) {
    const program = join(import.meta.dirname, 'rival.ts');
    const child = spawn(
      process.execPath,
      [program, url, folder, coalesce ? 'coalescing' : 'plain', ...payment],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      async pay(intent: string): Promise<string> {
        child.stdin.write(`${intent}\n`);
        const { value = '' } = await lines.next();
        return value;
      },
      async end() {
        const exited = once(child, 'exit');
        child.stdin.end();
        await exited;
      },
    };
  }

  it('two processes that pay under the same intent at once, 100 times, pay once each time', async () => {
    const { fromAccountId, toAccountId, ledger, paid } = await openAccounts();
    const folder = await mkdtemp(join(tmpdir(), 'ledger-intents-'));
    const rivals = [1, 2].map(() => startRival(folder, [fromAccountId, toAccountId]));
    const winners = new Map<string, number>();
    for (let round = 0; round < 100; round += 1) {
      const intent = `checkout-${round}`;
      const said = await Promise.all(rivals.map((rival) => rival.pay(intent)));
      const [one, other] = said.map((text) => JSON.parse(text));
      expect(one.id).toBe(other.id);
      const first = said.findIndex((text) => text.includes('"replayed":false'));
      expect(said.filter((text) => text.includes('"replayed":false'))).toHaveLength(1);
      winners.set(`rival ${first}`, (winners.get(`rival ${first}`) ?? 0) + 1);
    }
    await Promise.all(rivals.map((rival) => rival.end()));
    console.log('first result:', Object.fromEntries(winners));
    expect(await paid()).toBe('1100.00');
    expect((await ledger.account(fromAccountId))?.balance.amount).toBe('900.00');
    await rm(folder, { recursive: true });
  }, 120_000);

  /**
   * Runs payer.ts until it has printed so many lines, kills it a while later, and returns when each line was printed.
   */
  async function killPayer(
    folder: string,
    intents: readonly string[],
    payment: readonly string[],
    { lines, afterMs }: { readonly lines: number; readonly afterMs: number },
  ): Promise<number[]> {
    const program = join(import.meta.dirname, 'payer.ts');
    const mode = coalesce ? 'coalescing' : 'plain';
    const parameters = [program, url, folder, mode, ...payment, ...intents];
    const child: ChildProcess = spawn(process.execPath, parameters, {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    if (child.stdout === null) throw new TypeError('its output is piped');
    const printedAt: number[] = [];
    for await (const _ of createInterface({ input: child.stdout })) {
      printedAt.push(performance.now());
      if (printedAt.length === lines) break;
    }
    expect(printedAt).toHaveLength(lines);
    await sleep(afterMs);
    child.kill('SIGKILL');
    await exited;
    return printedAt;
  }

  it.each([
    [40, 'before it has its results', 1],
    [16, 'right after it has its results', 2],
  ])(
    'a program with three payments that is killed %i times %s pays once each time',
    async (times, _, lines) => {
      const { fromAccountId, toAccountId, paid } = await openAccounts();
      const folder = await mkdtemp(join(tmpdir(), 'ledger-intents-'));
      const keyStore: KeyStore = {
        ...fileStore(folder),
        addItem: () => {
          throw new TypeError('its key is kept already');
        },
      };
      const ledger = createLedgerClient({ url, keyStore, coalesce });
      const makeIntents = () => [randomUUID(), randomUUID(), randomUUID()];
      let replayed = 0;
      // How long a program needs from its kept intents to its results. Several at once need longer.
      const probe = [await makeAccount(books, { funds: '3' }), await makeAccount(books)];
      const [keptAt = 0, paidAt = 0] = await killPayer(folder, makeIntents(), probe, {
        lines: 2,
        afterMs: 0,
      });
      const durationMs = Math.ceil(paidAt - keptAt);
      const payOnce = async () => {
        const intents = makeIntents();
        const afterMs = lines === 1 ? randomInt(3 * durationMs) : 0;
        await killPayer(folder, intents, [fromAccountId, toAccountId], { lines, afterMs });
        const repeated = await Promise.all(
          intents.map((intent) => ledger.transfer({ fromAccountId, toAccountId, amount: '1' }, { intent })),
        );
        for (const result of repeated) if (unwrap(result).replayed) replayed += 1;
      };
      const keepPaying = async () => {
        for (let turn = 0; turn < times / 4; turn += 1) await payOnce();
      };
      await Promise.all(Array.from({ length: 4 }, keepPaying));
      await rm(folder, { recursive: true });
      const payments = 3 * times;
      expect(await paid()).toBe(`${1000 + payments}.00`);
      console.log(`${replayed} of ${payments} had been posted when the program died`);
      if (lines === 2) expect(replayed).toBe(payments);
      const [row] = await asOwner<{ count: number }>(
        database,
        `select count(*)::int as count from transactions
     where type = 'TRANSFER' and outcome = 'POSTED' and account_id = '${parseId('account', fromAccountId)}'`,
      );
      expect(row?.count).toBe(payments);
    },
    120_000,
  );
});
