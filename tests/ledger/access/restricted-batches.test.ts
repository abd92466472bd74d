/** Batches of callers restricted to an owner, sent once and many times, to one service and to two. */
import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { toDeposit, toTransfer } from '../../../src/core/decide/request.ts';
import type { BatchProcessed, Outcome } from '../../../src/core/transaction.ts';
import { parseId } from '../../../src/core/values/ids.ts';
import type { Ledger, Operation } from '../../../src/ledger/ledger.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { balance, expectSoundBooks, makeAccount, openLedger, transfer } from '../../support/ledger.ts';
import { asOwnerOf, pay, reserve } from '../../support/restricted.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

async function recordedCount(): Promise<number> {
  const [row] = await asOwner<{ count: number }>(database, 'select count(*)::int as count from transactions');
  return row?.count ?? 0;
}

function outcomesOf(answer: Awaited<ReturnType<Ledger['postBatch']>>): readonly Outcome[] {
  if (answer.code !== 'PROCESSED') throw new TypeError(`refused: ${answer.code}`);
  return answer.outcomes;
}

describe.each([
  ['one service', 1, true],
  ['one service without optimistic writes', 1, false],
  ['two services', 2, true],
  ['two services without optimistic writes', 2, false],
] as const)('with %s', async (_, count, optimistic) => {
  const services: Ledger[] = [];
  for (let opened = 0; opened < count; opened += 1) services.push(await openLedger(database, { optimistic }));
  const [ledger] = services;
  if (ledger === undefined) throw new TypeError('there is a service');
  const wallet = await makeAccount(ledger, { owner: 'alice', funds: '10000.00' });
  const bob = await makeAccount(ledger, { owner: 'bob' });
  const full = await makeAccount(ledger, { owner: 'bob', maxBalance: { amount: '0.00' } });
  const toBob = { fromAccountId: wallet, toAccountId: bob };

  /** Sends for Alice, many times at once, to the services in turn. */
  const sendOften = <T>(times: number, send: (ledger: Ledger) => Promise<T>): Promise<T[]> =>
    Promise.all(
      Array.from({ length: times }, (_each, at) => send(asOwnerOf(services[at % count] ?? ledger))),
    );

  /** Operations with each kind of outcome, and their codes. */
  const mixed = (): (readonly [Operation, string])[] => [
    [pay(toBob), 'POSTED'],
    [pay({ fromAccountId: wallet, toAccountId: full }), 'COUNTERPARTY'],
    [reserve(toBob), 'POSTED'],
    [pay({ fromAccountId: bob, toAccountId: wallet }), 'ACCOUNT_NOT_FOUND'],
    [pay({ ...toBob, externalId: randomUUID() }), 'FORBIDDEN'],
    [toDeposit({ accountId: wallet, amount: '1', idempotencyKey: randomUUID() }), 'FORBIDDEN'],
    [pay({ ...toBob, conditions: [{ accountId: bob, balanceAtLeast: '0' }] }), 'ACCOUNT_NOT_FOUND'],
    [pay({ ...toBob, amount: '20000' }), 'INSUFFICIENT_FUNDS'],
    [pay({ ...toBob, idempotencyKey: 'k'.repeat(250) }), 'INVALID_INPUT'],
    [toTransfer({ ...toBob, amount: 'x', idempotencyKey: 'k' }), 'INVALID_AMOUNT'],
    [reserve({ fromAccountId: wallet, toAccountId: full }), 'COUNTERPARTY'],
  ];

  it.for([
    ['a short batch, once', 1, 1],
    ['a short batch, a hundred times', 1, 100],
    ['a large batch, once', 60, 1],
    ['a large batch, four times', 60, 4],
  ] as const)(
    '%s: each INDEPENDENT operation has its outcome, and happens once',
    async ([, repeats, times]) => {
      const operations = Array.from({ length: repeats }, mixed).flat();
      const [before, recorded] = [await balance(ledger, bob), await recordedCount()];
      const answers = await sendOften(times, (each) =>
        each.postBatch(
          'INDEPENDENT',
          operations.map(([operation]) => operation),
        ),
      );
      for (const answer of answers) {
        expect(outcomesOf(answer).map(({ code }) => code)).toEqual(operations.map(([, code]) => code));
      }
      for (const [place, [, code]] of operations.entries()) {
        const outcomes = answers.map((answer) => (answer as BatchProcessed).outcomes[place]);
        const isKept = ['POSTED', 'COUNTERPARTY', 'INSUFFICIENT_FUNDS'].includes(code);
        const fresh = outcomes.filter((outcome) => outcome !== undefined && !outcome.replayed);
        expect(fresh).toHaveLength(isKept ? 1 : times);
      }
      expect(await balance(ledger, bob)).toBe(before + 100n * BigInt(repeats));
      expect(await recordedCount()).toBe(recorded + 5 * repeats);
    },
  );

  it.for([
    ['a short batch, a hundred times', 5, 100],
    ['a large batch, four times', 150, 4],
  ] as const)('%s: an ATOMIC batch is posted once, or aborted by COUNTERPARTY', async ([, size, times]) => {
    const operations = Array.from({ length: size }, () => pay(toBob));
    const before = await balance(ledger, bob);
    for (const answer of await sendOften(times, (each) => each.postBatch('ATOMIC', operations))) {
      expect(new Set(outcomesOf(answer).map(({ code }) => code))).toEqual(new Set(['POSTED']));
    }
    expect(await balance(ledger, bob)).toBe(before + 100n * BigInt(size));

    const aborted = [
      ...Array.from({ length: size - 1 }, () => pay(toBob)),
      pay({ ...toBob, toAccountId: full }),
    ];
    const answers = await sendOften(times, (each) => each.postBatch('ATOMIC', aborted));
    const replays = answers.map((answer) => {
      expect(answer).toMatchObject({
        code: 'BATCH_ABORTED',
        facts: {
          index: size - 1,
          cause: {
            code: 'COUNTERPARTY',
            facts: { account: parseId('account', full) },
            recorded: true,
            retryable: false,
          },
        },
      });
      return answer.code === 'BATCH_ABORTED' && answer.facts.cause.replayed;
    });
    expect(replays.filter((replayed) => !replayed)).toHaveLength(1);
    expect(await balance(ledger, bob)).toBe(before + 100n * BigInt(size));
  });

  it('the keys of Alice, of Bob and of a backend do not meet, in whatever order they are used', async () => {
    const bobs = await makeAccount(ledger, { owner: 'bob', funds: '100.00' });
    const idempotencyKey = randomUUID();
    const outcomes = await Promise.all([
      ...(
        await sendOften(20, async (each) =>
          each.postBatch('INDEPENDENT', [pay({ ...toBob, idempotencyKey })]),
        )
      ).map((answer) => outcomesOf(answer)[0]),
      ...services.map((each) => transfer(each, { ...toBob, amount: '2.00', idempotencyKey })),
      ...services.map((each) =>
        asOwnerOf(each, 'bob').postBatch('INDEPENDENT', [
          pay({ fromAccountId: bobs, toAccountId: wallet, idempotencyKey }),
        ]),
      ),
    ]);
    const codes = new Set(outcomes.map((outcome) => outcome?.code));
    expect(codes).toEqual(new Set(['POSTED', 'PROCESSED']));
    const rows = await asOwner(
      database,
      `select idempotency_key from transactions where idempotency_key like '%${idempotencyKey}' order by 1`,
    );
    expect(rows.map(({ idempotency_key }) => idempotency_key)).toEqual([
      idempotencyKey,
      `owner:${idempotencyKey}`,
      `owner:${idempotencyKey}`,
    ]);
  });
});
