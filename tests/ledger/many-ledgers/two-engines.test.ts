/** Two engines on one database, with the same ledgers and the same names in each of them. */
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { Command } from '../../../src/core/decide/command.ts';
import {
  toCapture,
  toDeposit,
  toHold,
  toReversal,
  toTransfer,
  toWithdrawal,
} from '../../../src/core/decide/request.ts';
import type { Posted } from '../../../src/core/transaction.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { createTestDatabase } from '../../support/database.ts';
import { commandOf, expectSoundBooks, makeAccount, makeLedgers, openLedger } from '../../support/ledger.ts';

const LEDGERS = ['one', 'two', 'three', 'four', 'five'];
const ACCOUNTS = 4;
const STEPS = 3000;
const AT_ONCE = 300;

const database = await createTestDatabase();
const engines = await Promise.all([0, 1].map(async () => (await openLedger(database)).engine));
const [first, second] = engines;
if (first === undefined || second === undefined) throw new TypeError('there are two engines');
afterAll(() => expectSoundBooks(database));

const account = fc.nat({ max: ACCOUNTS - 1 }).map((place) => `ext:account ${place}`);
/** Few, so that engines and ledgers use the same ones. */
const idempotencyKey = fc.nat({ max: 900 }).map((key) => `key ${key}`);
const externalId = fc.option(
  fc.nat({ max: 200 }).map((name) => `name ${name}`),
  { freq: 3 },
);
const amount = fc.integer({ min: 1, max: 300 }).map((minor) => (minor / 100).toFixed(2));
const named = { idempotencyKey, externalId };
const pair = { fromAccountId: account, toAccountId: account, amount, ...named };
const target = fc.nat({ max: 200 }).map((name) => `ext:name ${name}`);
const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ accountId: account, amount, ...named }).map((input) => commandOf(toDeposit(input))),
  fc.record({ accountId: account, amount, ...named }).map((input) => commandOf(toWithdrawal(input))),
  ...[toTransfer, toTransfer, toHold].map((make) =>
    fc
      .record(pair)
      .filter(({ fromAccountId, toAccountId }) => fromAccountId !== toAccountId)
      .map((input) => commandOf(make(input))),
  ),
  fc.record({ holdId: target, idempotencyKey }).map((input) => commandOf(toCapture(input))),
  fc.record({ transactionId: target, idempotencyKey }).map((input) => commandOf(toReversal(input))),
);
const anyStep = fc.record({
  ledger: fc.constantFrom(...LEDGERS),
  engine: fc.constantFrom(first, second),
  mode: fc.constantFrom(null, null, null, 'ATOMIC' as const, 'INDEPENDENT' as const),
  commands: fc.array(anyCommand, { minLength: 1, maxLength: 5 }),
});

/** A posted transaction, with the command that was acknowledged. */
interface Acknowledged {
  readonly ledger: string;
  readonly posted: Posted;
}

test('random operations of two engines keep the books of five ledgers apart', async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`random operations of seed ${seed}; repeat with SEED=${seed}`);
  await makeLedgers(first, LEDGERS);
  const open = async (name: string, engine = first): Promise<Ledger> => {
    const ledger = await engine.ledger(name);
    if (ledger === undefined) throw new TypeError(`there is no ledger ${name}`);
    return ledger;
  };
  for (const name of LEDGERS) {
    for (let place = 0; place < ACCOUNTS; place += 1) {
      await makeAccount(await open(name), { externalId: `account ${place}`, funds: '20.00' });
    }
  }

  const acknowledged: Acknowledged[] = [];
  const codes = new Set<string>();
  const steps = fc.sample(anyStep, { numRuns: STEPS, seed });
  for (let from = 0; from < STEPS; from += AT_ONCE) {
    await Promise.all(
      steps.slice(from, from + AT_ONCE).map(async ({ ledger: name, engine, mode, commands }) => {
        const ledger = await open(name, engine);
        const answer = mode === null ? undefined : await ledger.postBatch(mode, commands);
        const outcomes =
          answer === undefined
            ? await Promise.all(commands.map((command) => ledger.post(command)))
            : answer.code === 'PROCESSED'
              ? answer.outcomes
              : [answer];
        for (const outcome of outcomes) {
          codes.add(outcome.code);
          if (outcome.code === 'POSTED') acknowledged.push({ ledger: name, posted: outcome });
        }
      }),
    );
  }
  for (const code of ['POSTED', 'INSUFFICIENT_FUNDS', 'IDEMPOTENCY_CONFLICT', 'EXTERNAL_ID_TAKEN']) {
    expect(codes).toContain(code);
  }
  expect(codes).not.toContain('INTERNAL');

  // Each acknowledged transaction stands in the books of its ledger, once, and in no other.
  const ids = new Map(LEDGERS.map((name) => [name, new Set<string>()]));
  for (const { ledger, posted } of acknowledged) ids.get(ledger)?.add(posted.transaction.id);
  for (const [name, own] of ids) {
    for (const other of LEDGERS) {
      const found = await (await open(other, second)).findTransactions([...own]);
      expect([other, found.size]).toEqual([other, other === name ? own.size : 0]);
    }
  }
  // The sums of the acknowledged entries are the balances: nothing was posted twice or lost.
  for (const name of LEDGERS) {
    const ledger = await open(name, second);
    const sums = new Map<string, bigint>();
    const all = new Map(
      acknowledged
        .filter((each) => each.ledger === name)
        .map(({ posted }) => [posted.transaction.id, posted.transaction]),
    );
    for (const { entries } of all.values()) {
      for (const { accountId, layer, amount: moved } of entries) {
        if (layer === 'POSTED') sums.set(accountId, (sums.get(accountId) ?? 0n) + moved);
      }
    }
    const { rows } = await ledger.listAccounts({ kind: 'STANDARD' }, { limit: 100, inverted: false });
    expect(rows).toHaveLength(ACCOUNTS);
    for (const { id, posted } of rows) {
      expect([name, formatId('account', id), posted]).toEqual([
        name,
        formatId('account', id),
        2000n + (sums.get(id) ?? 0n),
      ]);
    }
  }
});
