/**
 * Random requests of a caller restricted to an owner, on random books, return the same if everything that belongs to others is
 * different: balances, limits, status, metadata, other transactions. One side executes them with graphql-js, the other one compiled.
 */
import { isObjectType } from 'graphql';
import { expect, test } from 'vitest';
import { Choices } from '../../../scripts/fuzz/choices.ts';
import { compareAnswers } from '../../../scripts/fuzz/comparison.ts';
import { type Request, randomRequests } from '../../../scripts/fuzz/documents.ts';
import { Side } from '../../../scripts/fuzz/side.ts';
import { EXTERNAL_ID_MARK, ID_PREFIX } from '../../../src/core/values/ids.ts';
import { RIGHTS, type Right } from '../../../src/graphql/rights/table.ts';
import { schema } from '../../../src/graphql/schema.ts';
import { expectSoundBooks, openLedger } from '../../support/ledger.ts';
import { restrictedTo } from '../../support/restricted.ts';
import { executed, viewerWith } from './execution.ts';
import { isForRestricted, selectionOf } from './selection.ts';
import { type TwoBooks, writeTwoBooks } from './two-books.ts';

const BOOKS = 2;
const REQUESTS = 200;

/** Whether a restricted caller may select a field. Other documents are FORBIDDEN as a whole. */
function allows(type: string, field: string): boolean {
  const roots: Readonly<Record<string, Readonly<Record<string, Right>>>> = RIGHTS;
  return roots[type]?.[field]?.restricted ?? isForRestricted(type, field);
}

/** Returns the selection of all fields of these types, some levels deep, and of all refusals. */
function all(...types: readonly string[]): string {
  const parts = types.map((name) => {
    const type = schema.getType(name);
    if (!isObjectType(type)) throw new TypeError(`there is no object type ${name}`);
    return `... on ${name} ${selectionOf(type, 2, isForRestricted)}`;
  });
  return `{ __typename ${parts.join(' ')} }`;
}
const ACCOUNT = 'account { id owner balance { amount } actor { id } }';
const REFUSALS = `... on LedgerError { code message retryable replayed } ... on CounterpartyError { accountId }
  ... on InsufficientFundsError { account { id balance { amount } } available { amount } }`;
const CONFLICT = '... on IdempotencyConflictError { differingFields recordedTransaction { id } }';
const POSTED = `... on TransactionPosted { replayed transaction ${all('Transaction')} }`;
const PLACED = `... on HoldPlaced { replayed transaction ${all('Transaction')} hold ${all('Hold')} }`;

/** By the prefix of the id. */
const NODES: Readonly<Record<string, string>> = Object.fromEntries(
  (['transaction', 'hold', 'account', 'entry', 'ledger'] as const).map((kind) => {
    const type = kind.charAt(0).toUpperCase() + kind.slice(1);
    return [ID_PREFIX[kind], `query ($id: ID!) { node(id: $id) ${all(type)} }`];
  }),
);
const TRANSFER = `mutation ($input: TransferInput!) { transfer(input: $input) { __typename ${POSTED} ${REFUSALS} ${CONFLICT} } }`;
const HOLD = `mutation ($input: PlaceHoldInput!) { placeHold(input: $input) { __typename ${PLACED} ${REFUSALS} ${CONFLICT} } }`;
const PREVIEW = `query ($operation: OperationInput!) { preview(operation: $operation) { __typename ${REFUSALS}
  ... on Preview { entries { ${ACCOUNT} side layer amount { amount } balanceAfter { amount } heldAfter { amount } } } } }`;
const BATCH = `mutation ($input: PostBatchInput!) { postBatch(input: $input) { __typename ... on BatchProcessed { results {
  __typename ${REFUSALS}
  ... on TransactionPosted { transaction { amount { amount } entries { account { id } } parties { owner } } } } }
  ... on BatchAbortedError { message cause { code message } } } }`;
const LOOK_UP = `query ($accountId: ID!, $key: String!) {
  outcomeByKey(accountId: $accountId, idempotencyKey: $key) { __typename ${POSTED} ${REFUSALS} ${CONFLICT} } }`;

function plain(query: string, variables: object): Request {
  return { query, operationName: null, variables: { ...variables } };
}

interface Movement {
  readonly fromAccountId: string;
  readonly idempotencyKey: string;
}

/** Returns random requests: documents over the whole schema, and requests whose answers have all fields. */
class Requests {
  readonly #choices: Choices;
  readonly #books: TwoBooks;
  readonly #seed: number;
  /** Earlier movements. */
  readonly #earlier: { readonly query: string; readonly input: Movement }[] = [];
  #number = 0;

  constructor(books: TwoBooks, seed: number) {
    this.#choices = new Choices(seed);
    this.#books = books;
    this.#seed = seed;
  }

  next(): Request {
    const choices = this.#choices;
    const { names } = this.#books;
    this.#number += 1;
    const { accounts, transactions, holds } = names;
    return choices.pick(
      () => this.#document(),
      () => this.#document(),
      () => this.#document(),
      () => this.#node([...accounts, ...transactions, ...holds]),
      () => this.#node([...transactions, ...holds]),
      () => this.#move(TRANSFER, this.#movement()),
      () => this.#move(HOLD, this.#hold()),
      () => this.#again(),
      () => plain(PREVIEW, { operation: this.#operation() }),
      () => plain(PREVIEW, { operation: { transfer: this.#movement() } }),
      () => {
        const operations = choices.times(choices.number(3) + 1, () => this.#operation());
        return plain(BATCH, { input: { mode: choices.pick('ATOMIC', 'INDEPENDENT'), operations } });
      },
      () => this.#lookUp(),
    )();
  }

  #node(ids: readonly string[]): Request {
    const id = this.#choices.pickFrom(ids.filter((each) => !each.startsWith(EXTERNAL_ID_MARK)));
    return plain(NODES[id.split('_', 1)[0] ?? ''] ?? '', { id });
  }

  #move(query: string, input: Movement): Request {
    this.#earlier.push({ query, input });
    return plain(query, { input });
  }

  #again(): Request {
    if (this.#earlier.length === 0) return this.#document();
    const { query, input } = this.#choices.pickFrom(this.#earlier);
    return plain(query, { input });
  }

  #lookUp(): Request {
    const { accounts } = this.#books.names;
    const { fromAccountId, idempotencyKey } = this.#choices.pickFrom([
      ...this.#earlier.map(({ input }) => input),
      { fromAccountId: this.#choices.pickFrom(accounts), idempotencyKey: this.#key() },
    ]);
    return plain(LOOK_UP, { accountId: fromAccountId, key: idempotencyKey });
  }

  #document(): Request {
    const seed = this.#seed + this.#number;
    const [request] = randomRequests(schema, this.#books.names, seed, `d${seed}`, 1, allows);
    if (request === undefined) throw new TypeError('there is a request');
    return request;
  }

  /** Most keys are new. Some are those of earlier requests. */
  #key(): string {
    return `key ${this.#choices.chance(80) ? this.#number : this.#choices.number(this.#number + 1)}`;
  }

  #movement() {
    const choices = this.#choices;
    const { own, payees, blocked, names } = this.#books;
    const inDollars = own.slice(0, 2);
    const ids = choices.pick<readonly string[]>(inDollars, inDollars, inDollars, own, names.accounts);
    return {
      fromAccountId: choices.pickFrom(ids),
      toAccountId: choices.pickFrom(
        choices.pick<readonly string[]>(payees, payees, [blocked], own, names.accounts),
      ),
      amount: choices.pick('1.00', '2.50', '0.01', '3.00', '10000.00'),
      idempotencyKey: this.#key(),
      ...(choices.chance(20) && {
        conditions: [
          { accountId: choices.pickFrom([...own, ...payees]), balanceAtLeast: choices.pick('0', '450') },
        ],
      }),
      ...(choices.chance(50) && { metadata: { order: `${this.#number}` } }),
    };
  }

  #hold() {
    const days = this.#choices.pick(1, 1, 6, 8);
    return { ...this.#movement(), expiresAt: new Date(Date.now() + days * 86_400_000).toISOString() };
  }

  #operation() {
    return this.#choices.pick<() => object>(
      () => ({ transfer: this.#movement() }),
      () => ({ transfer: this.#movement() }),
      () => ({ placeHold: this.#hold() }),
      () => ({
        voidHold: { holdId: this.#choices.pickFrom(this.#books.names.holds), idempotencyKey: this.#key() },
      }),
    )();
  }
}

/** What must appear in the answers often enough, so that the comparison shows something. */
const EXPECTED: Readonly<Record<string, number>> = {
  '"TransactionPosted"': 8,
  '"HoldPlaced"': 3,
  '"COUNTERPARTY"': 3,
  '"Preview"': 1,
  '"Party"': 20,
  '"replayed":true': 1,
  '"node":null': 5,
};

test(`the answers to ${BOOKS * REQUESTS} random requests of a restricted caller do not depend on anything of others`, {
  timeout: 300_000,
}, async () => {
  const first = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
  console.log(`books and requests of seed ${first}; repeat with SEED=${first}`);
  const seen = new Map<string, number>();
  for (let book = 0; book < BOOKS; book += 1) {
    const seed = first + 10_000 * book;
    const books = await writeTwoBooks(seed);
    const since = new Date();
    const viewer = restrictedTo('alice');
    const one = await Side.open(books.one, since, { compileAfter: Number.POSITIVE_INFINITY, viewer });
    const other = await Side.open(books.other, since, { compileAfter: 1, viewer });
    try {
      const requests = new Requests(books, seed);
      for (let number = 0; number < REQUESTS; number += 1) {
        const answer = await compareAnswers(
          one,
          other,
          requests.next(),
          `seed ${first}, books ${book}, request ${number}`,
        );
        for (const text of Object.keys(EXPECTED)) {
          if (answer.includes(text)) seen.set(text, (seen.get(text) ?? 0) + 1);
        }
      }
      // A variable named __proto__ is a fault of its own.
      const faults = [...one.faults, ...other.faults].map(String);
      expect(faults.filter((fault) => fault.includes('the books refer to'))).toEqual([]);
    } finally {
      await Promise.all([one.close(), other.close()]);
    }
    await expectDifferentBooks(books);
    await Promise.all([books.one, books.other].map(expectSoundBooks));
  }
  for (const [text, count] of Object.entries(EXPECTED)) {
    expect(seen.get(text) ?? 0, text).toBeGreaterThanOrEqual(count);
  }
});

/** Checks that a caller without an owner gets different answers. */
async function expectDifferentBooks({ one, other, different }: TwoBooks): Promise<void> {
  const [first, second] = await Promise.all([openLedger(one), openLedger(other)]);
  for (const id of different) {
    const query = 'query ($id: ID!) { account(id: $id) { balance { amount } version metadata } }';
    const answer = await executed(first, viewerWith(), query, { id });
    expect(answer).not.toHaveProperty('errors');
    expect(await executed(second, viewerWith(), query, { id })).not.toEqual(answer);
  }
}
