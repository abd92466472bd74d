/**
 * Sends the same commands and batches to two ledgers, each on a database of its own. One uses optimistic writes and posts commands
 * in batches; the other uses the regular path and posts one command at a time. Outcomes, balances, and the actors of all recorded
 * outcomes must be equal.
 */
import fc from 'fast-check';
import { ANYBODY } from '../../src/core/access/viewer.ts';
import { toAccountRequest } from '../../src/core/create-account.ts';
import type { Command } from '../../src/core/decide/command.ts';
import { toCapture, toDeposit, toHold, toTransfer, toWithdrawal } from '../../src/core/decide/request.ts';
import type { Outcome } from '../../src/core/transaction.ts';
import { formatId, type Uuid } from '../../src/core/values/ids.ts';
import { Engine } from '../../src/ledger/engine.ts';
import type { Ledger, LedgerOptions } from '../../src/ledger/ledger.ts';
import { query } from '../bench/databases.ts';
import { makeCallers } from './callers.ts';
import { countFlights, watchFlights } from './flights.ts';

const LIMITS = [null, '0.00', '-20.00', '0.00', null];
const account = fc.nat({ max: LIMITS.length - 1 });
const seldom = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value });
const move = fc.record({
  kind: fc.constantFrom(
    ...Array<'DEPOSIT'>(3).fill('DEPOSIT'),
    ...Array<'TRANSFER'>(8).fill('TRANSFER'),
    ...Array<'WITHDRAWAL'>(3).fill('WITHDRAWAL'),
    'HOLD' as const,
    'CAPTURE' as const,
  ),
  account,
  other: account,
  amount: fc.integer({ min: 1, max: 60 }),
  // The place of an earlier command whose key is reused; most keys are not reused.
  keyOf: seldom(fc.nat({ max: 200 })),
  externalId: seldom(fc.nat({ max: 60 })),
  atLeast: seldom(fc.integer({ min: -5, max: 30 })),
});
/** Only batches of such commands can be optimistic. */
const plainMove = move.map((given): Move => {
  const kind = given.kind === 'HOLD' || given.kind === 'CAPTURE' ? 'TRANSFER' : given.kind;
  return { ...given, kind, keyOf: null, externalId: null, atLeast: null };
});
const sending = fc.record({
  mode: fc.constantFrom('ALONE' as const, 'ALONE' as const, 'INDEPENDENT' as const, 'ATOMIC' as const),
  /** The caller. 0: one without a credential. */
  caller: fc.nat({ max: 2 }),
  moves: fc.oneof(
    { weight: 9, arbitrary: fc.array(plainMove, { minLength: 1, maxLength: 9, size: 'max' }) },
    { weight: 1, arbitrary: fc.array(move, { minLength: 1, maxLength: 9, size: 'max' }) },
  ),
});
/** Commands and batches that are sent concurrently. */
const group = fc.array(sending, { minLength: 1, maxLength: 3, size: 'max' });
const plan = fc.array(group, { minLength: 100, maxLength: 100 });
type Sending = typeof sending extends fc.Arbitrary<infer S> ? S : never;
type Move = typeof move extends fc.Arbitrary<infer M> ? M : never;

interface Address {
  readonly serviceUrl: string;
  readonly ownerUrl: string;
}

/** Throws if the two differ. Returns the number of commands, and of batches that were written optimistically. */
export async function compareWays(
  one: Address,
  two: Address,
  seed: number,
): Promise<{ readonly commands: number; readonly posted: number; readonly optimistic: number }> {
  const [groups = []] = fc.sample(plan, { seed, numRuns: 1, unbiased: true });
  const [optimistic, regular] = await Promise.all([
    play(one, groups, {}),
    play(two, groups, { optimistic: false, lanes: 1, maxBatch: 1 }),
  ]);
  if (regular.flights !== 0) throw new Error('a ledger that is not optimistic sent optimistic batches');
  for (const [place, text] of regular.answers.entries()) {
    if (optimistic.answers[place] !== text) {
      throw new Error(`command ${place}: optimistic ${optimistic.answers[place]}, regular ${text}`);
    }
  }
  const posted = regular.answers.filter((text) => text.startsWith('{"code":"POSTED"')).length;
  const commands = groups.flat().reduce((sum, { moves }) => sum + moves.length, 0);
  return { commands, posted, optimistic: optimistic.flights };
}

async function play(
  { serviceUrl, ownerUrl }: Address,
  groups: readonly (readonly Sending[])[],
  options: Pick<LedgerOptions, 'optimistic' | 'lanes' | 'maxBatch'>,
) {
  await watchFlights(ownerUrl);
  const ledger = await Engine.openMain({ databaseUrl: serviceUrl, allowUnsafeDurability: true, ...options });
  try {
    const names = await Names.make(ledger);
    const callers = [ANYBODY, ...(await makeCallers(ledger.engine, ['alice', 'bob']))];
    const commands: Command[] = [];
    const answers: string[] = [];
    const opening: Sending = { mode: 'ALONE', caller: 1, moves: names.ids.map((_, place) => deposit(place)) };
    for (const group of [[opening], ...groups]) {
      const sent = group.map(({ mode, caller, moves }) => ({
        mode,
        by: ledger.as(callers[caller] ?? ANYBODY),
        commands: moves.map((each) => {
          const command = names.commandOf(each, commands.length, commands);
          commands.push(command);
          return command;
        }),
      }));
      const answered = await Promise.all(sent.map(({ mode, by, commands }) => send(by, mode, commands)));
      for (const outcome of answered.flat()) answers.push(names.textOf(outcome));
    }
    const states = await ledger.findAccounts(names.ids);
    for (const id of names.ids) answers.push(names.textOf(states.get(id)));
    await ledger.close();
    const recorded = await query<{ text: string }>(ownerUrl, RECORDED);
    for (const text of recorded.map((row) => names.textOf(row)).sort()) answers.push(text);
    return { answers, flights: await countFlights(ownerUrl) };
  } catch (error) {
    await ledger.close();
    throw error;
  }
}

async function send(
  ledger: Ledger,
  mode: Sending['mode'],
  commands: readonly Command[],
): Promise<readonly Outcome[]> {
  if (mode === 'ALONE') return Promise.all(commands.map((command) => ledger.post(command)));
  const answer = await ledger.postBatch(mode, commands);
  return answer.code === 'PROCESSED' ? answer.outcomes : [answer];
}

function deposit(account: number): Move {
  return {
    kind: 'DEPOSIT',
    account,
    other: account,
    amount: 60,
    keyOf: null,
    externalId: null,
    atLeast: null,
  };
}

/** Names ids by the order of their first appearance, so that they are equal in both ledgers. */
class Names {
  readonly ids: readonly Uuid[];
  readonly #seen = new Map<string, string>();
  readonly #holds: Uuid[] = [];

  private constructor(ids: readonly Uuid[]) {
    this.ids = ids;
  }

  static async make(ledger: Ledger): Promise<Names> {
    const ids: Uuid[] = [];
    for (const amount of LIMITS) {
      const minBalance = amount === null ? { unlimited: true } : { amount };
      const request = toAccountRequest({ owner: 'fuzz', currency: 'USD', normalSide: 'CREDIT', minBalance });
      if ('code' in request) throw new TypeError(request.code);
      const made = await ledger.createAccount(request);
      if (made.code !== 'CREATED') throw new TypeError(made.code);
      ids.push(made.account.id);
    }
    return new Names(ids);
  }

  commandOf(
    { kind, account, other, amount, keyOf, externalId, atLeast }: Move,
    place: number,
    before: readonly Command[],
  ): Command {
    const [accountId, otherId] = [account, other === account ? (other + 1) % this.ids.length : other].map(
      (n) => formatId('account', this.ids[n] ?? ''),
    );
    const attempt = {
      amount: `${amount}.00`,
      idempotencyKey: before[keyOf ?? -1]?.idempotencyKey ?? `key ${place}`,
      externalId: externalId === null ? null : `event ${externalId}`,
    };
    const conditions =
      atLeast === null
        ? {}
        : { conditions: [{ accountId: accountId ?? '', balanceAtLeast: `${atLeast}.00` }] };
    const both = { fromAccountId: accountId ?? '', toAccountId: otherId ?? '' };
    const hold = this.#holds.at(-1 - (amount % 3));
    const command = {
      DEPOSIT: () => toDeposit({ accountId: accountId ?? '', ...attempt }),
      WITHDRAWAL: () => toWithdrawal({ accountId: accountId ?? '', ...attempt }),
      TRANSFER: () => toTransfer({ ...both, ...attempt, ...conditions }),
      HOLD: () => toHold({ ...both, ...attempt }),
      CAPTURE: () =>
        hold === undefined
          ? toHold({ ...both, ...attempt })
          : toCapture({ ...attempt, holdId: formatId('hold', hold), final: false }),
    }[kind]();
    if ('code' in command) throw new TypeError(command.code);
    return command;
  }

  /** Returns an outcome as text, with names instead of ids and without times. */
  textOf(answer: Outcome | object | undefined): string {
    const code = answer !== undefined && 'code' in answer ? (answer as Outcome) : undefined;
    if (code?.code === 'POSTED' && code.transaction.type === 'HOLD' && !code.replayed) {
      this.#holds.push(code.transaction.id);
    }
    return JSON.stringify(answer, (key, value) => {
      if (TIMES.has(key)) return value === null ? null : 'a time';
      if (typeof value === 'bigint') return `${value}`;
      return typeof value === 'string' ? value.replaceAll(ANY_ID, (id) => this.#nameOf(id)) : value;
    });
  }

  #nameOf(id: string): string {
    const name = this.#seen.get(id) ?? `id ${this.#seen.size}`;
    this.#seen.set(id, name);
    return name;
  }
}

/** The recorded outcomes, posted and declined. */
const RECORDED = `
  select t.outcome, t.idempotency_key as key, t.account_id as "keyAccount", coalesce(a.name, 'none') as actor
  from transactions t left join actors a on a.id = t.actor`;
const TIMES: ReadonlySet<string> = new Set(['createdAt', 'lastAt']);
const ANY_ID = /[0-9a-f]{8}-[0-9a-f-]{27}|(?:acct|txn|hold)_[0-9a-z]{26}/g;
