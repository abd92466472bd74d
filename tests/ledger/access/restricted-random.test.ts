/**
 * Random operations of a restricted caller, compared with the plain counterpart: on equal books, an unrestricted caller posts the
 * same operations under other keys, with foreign accounts of keys and conditions replaced by missing ones, and the test hides what
 * the restricted caller must not see. A backend works on both books meanwhile.
 */
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import type { Command } from '../../../src/core/decide/command.ts';
import {
  type HoldInput,
  type TransferInput,
  toDeposit,
  toHold,
  toTransfer,
} from '../../../src/core/decide/request.ts';
import type { Refusal } from '../../../src/core/errors.ts';
import type { BatchProcessed, Outcome } from '../../../src/core/transaction.ts';
import type { Ledger, Operation, Preview } from '../../../src/ledger/ledger.ts';
import { createTestDatabase } from '../../support/database.ts';
import { commandOf, expectSoundBooks, makeAccount, makeLedgers, openLedger } from '../../support/ledger.ts';
import { asOwnerOf, secondsAhead } from '../../support/restricted.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));
const services = await Promise.all([true, false].map((optimistic) => openLedger(database, { optimistic })));
const [service] = services;
if (service === undefined) throw new TypeError('there are services');

const STEPS = 600;
/** Accounts of Alice and of others, some of them full or of another currency. */
const BOOKS = {
  'alice 1': { owner: 'alice', funds: '40.00' },
  'alice 2': { owner: 'alice', funds: '5.00', maxBalance: { amount: '20.00' } },
  'alice debit': { owner: 'alice', normalSide: 'DEBIT', minBalance: null },
  'alice eur': { owner: 'alice', currency: 'EUR', funds: '9.00' },
  'Alice 1': { owner: 'Alice', funds: '7.00' },
  'bob 1': { owner: 'bob', funds: '40.00', maxBalance: { amount: '60.00' } },
  'bob eur': { owner: 'bob', currency: 'EUR' },
  'bob debit': { owner: 'bob', normalSide: 'DEBIT' },
} as const;
const NAMES = Object.keys(BOOKS);
const isAlices = (name: string) => name in BOOKS && BOOKS[name as keyof typeof BOOKS].owner === 'alice';

const anyName = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('alice 1', 'alice 2') },
  { weight: 3, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.constant('nobody') },
);
const bound = fc.option(
  fc.integer({ min: -500, max: 4000 }).map((minor) => (minor / 100).toFixed(2)),
  { freq: 2 },
);
const anyCondition = fc
  .record({
    accountId: anyName,
    expectedVersion: fc.option(fc.bigInt({ min: 0n, max: 30n }), { freq: 8 }),
    balanceAtLeast: bound,
    balanceAtMost: bound,
    availableAtLeast: bound,
  })
  .filter(({ accountId: _, ...bounds }) => Object.values(bounds).some((each) => each !== null));
const KEYS = fc.nat({ max: 60 }).map((each) => `key ${each}`);
const EXPIRIES = [secondsAhead(3600), secondsAhead(6 * 86_400), secondsAhead(-60)];
const anyInput = fc.record({
  type: fc.constantFrom('TRANSFER', 'TRANSFER', 'HOLD'),
  fromAccountId: anyName,
  toAccountId: fc.constantFrom(...NAMES, 'nobody'),
  amount: fc.integer({ min: 1, max: 1500 }).map((minor) => (minor / 100).toFixed(2)),
  idempotencyKey: KEYS,
  conditions: fc.array(anyCondition, { maxLength: 2 }),
  expiresAt: fc.constantFrom(...EXPIRIES),
});
type Input = typeof anyInput extends fc.Arbitrary<infer Value> ? Value : never;
const anyStep = fc.record({
  way: fc.constantFrom(
    ...['alone', 'alone', 'preview', 'preview', 'lookup', 'ATOMIC', 'INDEPENDENT', 'backend', 'backend'],
  ),
  service: fc.nat({ max: 1 }),
  inputs: fc.array(anyInput, { minLength: 1, maxLength: 6 }),
});

/** Returns the command of an input. `nameOf`: the name of the account of a key or condition; `keyOf`: the key that is sent. */
function commandFrom(
  { type, fromAccountId, toAccountId, conditions, expiresAt, idempotencyKey, amount }: Input,
  nameOf: (name: string) => string,
  keyOf: (key: string) => string,
): Operation {
  const input: TransferInput & HoldInput = {
    fromAccountId: nameOf(fromAccountId),
    toAccountId: `ext:${toAccountId}`,
    amount,
    idempotencyKey: keyOf(idempotencyKey),
    conditions: conditions.map((condition) => ({ ...condition, accountId: nameOf(condition.accountId) })),
  };
  return type === 'HOLD' ? toHold({ ...input, expiresAt }) : toTransfer(input);
}

const byName = (name: string) => `ext:${name}`;
/** The counterpart of a name: an account that is not Alice's does not exist. */
const ownByName = (name: string) => (isAlices(name) ? `ext:${name}` : `ext:missing ${name}`);
const asItIs = (key: string) => key;
const apart = (key: string) => `apart:${key}`;

/** Books with the accounts, and the names of their ids. */
interface Books {
  readonly of: (service: number) => Ledger;
  readonly names: ReadonlyMap<string, string>;
}

async function openBooks(name: string): Promise<Books> {
  const ledgers = await Promise.all(
    services.map(async ({ engine }) => {
      const ledger = await engine.ledger(name);
      if (ledger === undefined) throw new TypeError(`there is no ledger ${name}`);
      return ledger;
    }),
  );
  const [ledger] = ledgers;
  if (ledger === undefined) throw new TypeError('there is a ledger');
  const names = new Map<string, string>();
  for (const [externalId, account] of Object.entries(BOOKS)) {
    await makeAccount(ledger, { ...account, externalId });
    names.set((await ledger.accountIdOf(`ext:${externalId}`)) ?? '', externalId);
  }
  return { of: (at) => ledgers[at] ?? ledger, names };
}

type Names = Books['names'];
/**
 * all: an answer as a backend sees it. own: as the ledger gives it to Alice. hidden: as a backend sees it, without everything that is
 * not Alice's.
 */
type View = 'all' | 'own' | 'hidden';
type Answer = Outcome | BatchProcessed | Preview | undefined;

/** Returns an answer in terms that are equal on both books: names instead of ids, and without times. */
function comparable(answer: Answer, names: Names, view: View): unknown {
  if (answer === undefined) return null;
  const own = (entries: Preview['entries']) =>
    entries.filter(({ accountId }) => isAlices(names.get(accountId) ?? ''));
  switch (answer.code) {
    case 'POSTED': {
      const { type, entries, description, metadata } = answer.transaction;
      return {
        code: 'POSTED',
        replayed: answer.replayed,
        type,
        description,
        metadata,
        entries: entriesOf(view === 'hidden' ? own(entries) : entries, names),
      };
    }
    case 'PREVIEWED': {
      const shown = view === 'hidden' ? own(answer.entries) : answer.entries;
      return { code: 'PREVIEWED', entries: entriesOf(shown, names) };
    }
    case 'PROCESSED':
      return answer.outcomes.map((outcome) => comparable(outcome, names, view));
    case 'BATCH_ABORTED': {
      const { index, cause } = answer.facts;
      return {
        ...answer,
        facts: { index, cause: comparable(cause, names, view) },
      };
    }
    default:
      return comparableRefusal(answer, names, view);
  }
}

function entriesOf(entries: Preview['entries'], names: Names): unknown {
  return entries.map(({ accountId, ...entry }) => ({
    ...entry,
    account: names.get(accountId) ?? 'external',
  }));
}

function comparableRefusal(refusal: Refusal, names: Names, view: View): unknown {
  const { code, facts, ...flags } = refusal;
  if ('account' in facts) {
    const account = names.get(facts.account) ?? '?';
    return view === 'hidden' && !isAlices(account)
      ? { code: 'COUNTERPARTY', facts: { account }, ...flags }
      : { code, facts: { ...facts, account }, ...flags };
  }
  if ('accountId' in facts) {
    return { code, facts: { accountId: facts.accountId.replace('ext:missing ', 'ext:') }, ...flags };
  }
  if ('transaction' in facts)
    return { code, facts: { ...facts, transaction: facts.transaction !== null }, ...flags };
  return { code, facts, ...flags };
}

it(`the outcomes of ${STEPS} random requests are those of the plain counterpart`, async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`random requests of seed ${seed}; repeat with SEED=${seed}`);
  await makeLedgers(service.engine, ['restricted', 'plain']);
  const [restricted, plain] = [await openBooks('restricted'), await openBooks('plain')];
  const seen = new Set<string>();

  for (const { way, service: at, inputs } of fc.sample(anyStep, { numRuns: STEPS, seed })) {
    const alice = asOwnerOf(restricted.of(at));
    const counterpart = plain.of(at);
    const [input] = inputs;
    if (input === undefined) continue;
    const send = async (ledger: Ledger, nameOf: (name: string) => string, keyOf: (key: string) => string) => {
      const commands: readonly Command[] = inputs.map((each) => commandOf(commandFrom(each, nameOf, keyOf)));
      const [first] = commands;
      if (first === undefined) throw new TypeError('there is a command');
      switch (way) {
        case 'preview':
          return ledger.preview(first);
        case 'lookup':
          return ledger.outcomeByKey(nameOf(input.fromAccountId), keyOf(input.idempotencyKey));
        case 'ATOMIC':
        case 'INDEPENDENT':
          return ledger.postBatch(way, commands);
        default:
          return ledger.post(first);
      }
    };
    if (way === 'backend') {
      // Deposits keep Alice able to pay; payments use the same keys as hers.
      const asBackend = async (ledger: Ledger, books: Books) => {
        const { idempotencyKey, amount } = input;
        const deposit = toDeposit({
          accountId: 'ext:alice 1',
          amount,
          idempotencyKey: `deposit ${idempotencyKey}`,
        });
        await ledger.post(commandOf(deposit));
        return comparable(await send(ledger, byName, asItIs), books.names, 'all');
      };
      expect(await asBackend(restricted.of(at), restricted)).toEqual(await asBackend(counterpart, plain));
      continue;
    }
    const answer = comparable(await send(alice, byName, asItIs), restricted.names, 'own');
    expect(
      answer,
      JSON.stringify({ way, inputs }, (_, value) => String(value)),
    ).toEqual(comparable(await send(counterpart, ownByName, apart), plain.names, 'hidden'));
    for (const [, code = ''] of JSON.stringify(answer, (_, value) =>
      typeof value === 'bigint' ? `${value}` : value,
    ).matchAll(/"code":"([A-Z_]{4,})"/g)) {
      seen.add(code);
    }
  }
  // The requests reach everything that this test compares.
  for (const code of [
    ...['POSTED', 'PREVIEWED', 'BATCH_ABORTED', 'COUNTERPARTY', 'ACCOUNT_NOT_FOUND', 'IDEMPOTENCY_CONFLICT'],
    ...['INSUFFICIENT_FUNDS', 'CONDITION_FAILED', 'CURRENCY_MISMATCH', 'SAME_ACCOUNT'],
  ]) {
    expect(seen).toContain(code);
  }
});
