// A client that coalesces and one that does not are the same to their callers: random calls on two ledgers have equal results.

import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import {
  createLedgerClient,
  isPosted,
  isRefusal,
  type LedgerClient,
  type OutcomeUnknown,
} from '../../src/client/index.ts';
import { serve } from '../graphql/api.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, openLedger } from '../support/ledger.ts';

const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
console.log(`calls of seed ${seed}; again by SEED=${seed}`);

const ROUNDS = 40;
const NAMES = ['a', 'b', 'c', 'd', 'e', 'frozen', 'debit', 'euro', 'missing'];

/** A small generator of random numbers (mulberry32), so that both ledgers receive the same calls. */
function randomOf(start: number) {
  let state = start;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    below: (limit: number) => Math.floor(next() * limit),
    oneOf: <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T,
    isIn: (share: number) => next() < share,
  };
}
type Random = ReturnType<typeof randomOf>;

type Call = (ledger: LedgerClient) => Promise<unknown>;

/**
 * A round in which GraphQL itself rejects some calls, so that a shared request goes one by one, in any order. The others do not
 * depend on each other: each moves money between two accounts of its own.
 */
function roundWithRejected(random: Random, first: number): Call[] {
  return Array.from({ length: 2 + random.below(8) }, (_, index): Call => {
    const input = {
      fromAccountId: `ext:own-${2 * index}`,
      toAccountId: `ext:own-${2 * index + 1}`,
      amount: '1',
      idempotencyKey: `key-${first + index}`,
    };
    if (random.isIn(0.3)) return (ledger) => ledger.transfer({ ...input, memo: 'rent' } as typeof input);
    if (random.isIn(0.2)) return (ledger) => ledger.transfer({ ...input, amount: 5 as unknown as string });
    return (ledger) => ledger.transfer(input);
  });
}

/** One call; `number` makes its key and its names unique. */
function randomCall(random: Random, number: number): Call {
  const account = () => `ext:${random.oneOf(NAMES)}`;
  const amount = random.isIn(0.1)
    ? random.oneOf(['0', '-1', '1.234', 'x', ''])
    : random.oneOf(['1', '1.00', '2.5', '40', '1000']);
  const earlier = () => random.below(Math.max(1, number));
  // Some keys are an earlier call's: with the same input they replay, with another they conflict.
  const idempotencyKey = random.isIn(0.25) ? `key-${earlier()}` : `key-${number}`;
  const externalId = random.isIn(0.3) ? `name-${random.isIn(0.2) ? earlier() : number}` : null;
  const attempt = {
    idempotencyKey,
    externalId,
    ...(random.isIn(0.1) ? { metadata: { n: `${number}` } } : {}),
  };
  const pair = { fromAccountId: account(), toAccountId: account(), amount };
  const condition = { accountId: account(), balanceAtLeast: random.oneOf(['0', '100', 'x']) };
  const options = random.isIn(0.05)
    ? { signal: AbortSignal.abort() }
    : random.isIn(0.1)
      ? { deadlineMs: 20_000 }
      : {};
  const target = random.isIn(0.9) ? `ext:name-${earlier()}` : 'hold_unknown';
  const kind = random.below(13);
  const owner = random.oneOf(['owner', '']);
  const currency = random.oneOf(['USD', 'XXQ']);
  switch (kind) {
    case 0:
      return (ledger) => ledger.deposit({ accountId: pair.fromAccountId, amount, ...attempt }, options);
    case 1:
      return (ledger) => ledger.withdraw({ accountId: pair.fromAccountId, amount, ...attempt }, options);
    case 2:
      return (ledger) =>
        ledger.postTransaction(
          {
            keyAccountId: pair.fromAccountId,
            entries: [
              { accountId: pair.fromAccountId, side: 'DEBIT', amount },
              { accountId: pair.toAccountId, side: 'CREDIT', amount },
            ],
            ...attempt,
          },
          options,
        );
    case 3:
      return (ledger) => ledger.reverseTransaction({ transactionId: target, ...attempt }, options);
    case 4:
    case 5:
      return (ledger) => ledger.placeHold({ ...pair, ...attempt }, options);
    case 6:
      return (ledger) => ledger.captureHold({ holdId: target, ...attempt }, options);
    case 7: {
      return (ledger) => ledger.voidHold({ holdId: target, idempotencyKey }, options);
    }
    case 8:
      return (ledger) => ledger.createAccount({ owner, currency, idempotencyKey, externalId }, options);
    case 9:
      return (ledger) => ledger.transfer({ ...pair, ...attempt, conditions: [condition] }, options);
    default:
      return (ledger) => ledger.transfer({ ...pair, ...attempt }, options);
  }
}

/** The same for both ledgers: ids and instants are replaced, in the order in which they appear. */
function comparable(outcomes: readonly unknown[]): unknown {
  const names = new Map<string, string>();
  const named = (text: string) => {
    if (!names.has(text)) names.set(text, `#${names.size}`);
    return names.get(text) ?? '';
  };
  const text = JSON.stringify(outcomes);
  return JSON.parse(
    text
      .replaceAll(/\b(acct|txn|hold|ent)_[0-9a-z]{26}(_\d+)?/g, named)
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'instant'),
  );
}

async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    const { name, message, attempts, idempotencyKey } = error as OutcomeUnknown;
    return { thrown: name, message, attempts, idempotencyKey };
  }
}

async function openBooks(coalesce: boolean) {
  const database = await createTestDatabase();
  const { server } = await serve(await openLedger(database));
  const requests = { count: 0 };
  const ledger = createLedgerClient({
    url: `${server.url}/graphql`,
    coalesce,
    fetch: (url, init) => {
      requests.count += 1;
      return fetch(url, init);
    },
  });
  for (const name of NAMES.filter((each) => each !== 'missing')) {
    await ledger.createAccount({
      owner: name,
      externalId: name,
      currency: name === 'euro' ? 'EUR' : 'USD',
      normalSide: name === 'debit' ? 'DEBIT' : 'CREDIT',
    });
    if (name !== 'debit') await ledger.deposit({ accountId: `ext:${name}`, amount: '100' });
  }
  for (let index = 0; index < 20; index += 1) {
    await ledger.createAccount({ owner: 'own', externalId: `own-${index}`, currency: 'USD' });
    await ledger.deposit({ accountId: `ext:own-${index}`, amount: '100' });
  }
  await ledger.freezeAccount('ext:frozen');
  requests.count = 0;
  return { database, ledger, requests };
}

it('random calls have the same results in both modes', async () => {
  const [plain, shared] = await Promise.all([openBooks(false), openBooks(true)]);
  const random = randomOf(seed);
  const all: Record<'plain' | 'shared', unknown[]> = { plain: [], shared: [] };
  const codes = new Map<string, number>();
  /** Calls that were made before; some are repeated as they are. */
  const made: Call[] = [];
  let number = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const calls = random.isIn(0.2)
      ? roundWithRejected(random, number)
      : Array.from({ length: 1 + random.below(30) }, (_, index) =>
          made.length > 0 && random.isIn(0.1) ? random.oneOf(made) : randomCall(random, number + index),
        );
    made.push(...calls);
    number += calls.length;
    // In order, as a shared request has them.
    for (const call of calls) all.plain.push(await outcomeOf(call(plain.ledger)));
    all.shared.push(...(await Promise.all(calls.map((call) => outcomeOf(call(shared.ledger))))));
  }
  for (const each of all.shared) {
    const { code, thrown, __typename } = each as Record<string, string>;
    const said = thrown ?? code ?? __typename ?? '';
    codes.set(said, (codes.get(said) ?? 0) + 1);
  }
  console.log(Object.fromEntries(codes));
  expect(comparable(all.shared)).toEqual(comparable(all.plain));
  for (const name of NAMES) {
    const [one, other] = await Promise.all([
      plain.ledger.account(`ext:${name}`),
      shared.ledger.account(`ext:${name}`),
    ]);
    expect(comparable([one])).toEqual(comparable([other]));
  }
  expect(
    [isPosted, isRefusal].every((is) =>
      all.shared.some((each) => '__typename' in Object(each) && is(each as never)),
    ),
  ).toBe(true);
  expect(shared.requests.count).toBeLessThan(plain.requests.count / 2);
  await Promise.all([expectSoundBooks(plain.database), expectSoundBooks(shared.database)]);
}, 120_000);
