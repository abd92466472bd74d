/**
 * Runs two ledgers on one database at the same time, each for a caller of its own: random postings, batches, limits, freezes and closed periods from both, the
 * same keys to both, delayed commits, and broken connections. Afterwards no key may have two outcomes, every outcome must equal its
 * replay, and the invariants must hold.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import pg from 'pg';
import { toAccountRequest } from '../../src/core/create-account.ts';
import type { Command } from '../../src/core/decide/command.ts';
import { toDeposit, toTransfer, toWithdrawal } from '../../src/core/decide/request.ts';
import type { Refusal } from '../../src/core/errors.ts';
import type { Outcome } from '../../src/core/transaction.ts';
import { type AccountChange, toAccountUpdate } from '../../src/core/update-account.ts';
import { formatId } from '../../src/core/values/ids.ts';
import { checkInvariants } from '../../src/db/invariants/invariants.ts';
import { openDatabase } from '../../src/db/postgres/database.ts';
import { Engine } from '../../src/ledger/engine.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { startTcpProxy, type TcpProxy } from '../../tests/support/tcp-proxy.ts';
import { makeCallers } from './callers.ts';
import { countFlights, watchFlights } from './flights.ts';

const ACCOUNTS = 5;
const DAY_MICROS = 86_400_000_000n;
/** Days of effectiveAt and of the ends of periods. */
const FIRST_DAY = BigInt(Date.UTC(2020, 0, 1)) * 1000n;

const via = fc.constantFrom<Via>('one', 'two');
const account = fc.nat({ max: ACCOUNTS - 1 });
const seldom = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value });
const day = seldom(fc.nat({ max: 30 }));
const move = fc.record({
  kind: fc.constantFrom('DEPOSIT' as const, 'WITHDRAWAL' as const, 'TRANSFER' as const, 'TRANSFER' as const),
  account,
  other: account,
  amount: fc.integer({ min: 1, max: 30 }),
  day,
  externalId: seldom(fc.nat({ max: 12 })),
});
const bound = fc.constantFrom(-50, -10, 0, 5);
const step = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('post' as const),
      via: fc.constantFrom<Via | 'both'>('one', 'two', 'both'),
      move,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('batch' as const),
      via: fc.constantFrom<Via | 'both'>('one', 'two', 'both'),
      mode: fc.constantFrom('ATOMIC' as const, 'INDEPENDENT' as const),
      moves: fc.array(move, { minLength: 2, maxLength: 6 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('limit' as const), via, account, bound }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('status' as const),
      via,
      account,
      kind: fc.constantFrom('FREEZE' as const, 'UNFREEZE' as const, 'UNFREEZE' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), via, day: fc.nat({ max: 30 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('repeat' as const), via, back: fc.nat({ max: 60 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('hold the head' as const), ms: fc.integer({ min: 5, max: 60 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), via }) },
);
/** Mostly one ledger writes, so that its cached account states are right; then the other one interferes. */
const round = fc
  .record({
    home: fc.constantFrom<Via | null>('one', 'one', 'one', 'two', null),
    steps: fc.array(step, { minLength: 1, maxLength: 6, size: 'max' }),
  })
  .map(({ home, steps }) =>
    home === null ? steps : steps.flatMap((each) => (each.do === 'post' ? [{ ...each, via: home }] : [])),
  );
const plan = fc.array(round, { minLength: 80, maxLength: 80 });

type Via = 'one' | 'two';
type Services = Readonly<Record<Via, { readonly ledger: Ledger; readonly proxy: TcpProxy }>>;
type Move = typeof move extends fc.Arbitrary<infer M> ? M : never;
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** One key and all outcomes that were returned for it. */
interface Request {
  readonly command: Command;
  readonly outcomes: Outcome[];
}

export interface RaceReport {
  readonly requests: number;
  readonly posted: number;
  /** The number of optimistic writes. */
  readonly optimistic: number;
}

/** Runs one random race. Throws if an outcome, a replay or an invariant is wrong. */
export async function race(
  { serviceUrl, ownerUrl }: { readonly serviceUrl: string; readonly ownerUrl: string },
  seed: number,
): Promise<RaceReport> {
  const [rounds = []] = fc.sample(plan, { seed, numRuns: 1, unbiased: true });
  const owner = new pg.Pool({ connectionString: ownerUrl, max: 4 });
  const faults: unknown[] = [];
  const open = async (caller: string) => {
    const proxy = await startTcpProxy(serviceUrl);
    const onFault = (error: unknown, faultId?: string) => void (faultId && faults.push(error));
    const ledger = await Engine.openMain({ allowUnsafeDurability: true, databaseUrl: proxy.url, onFault });
    const [viewer] = await makeCallers(ledger.engine, [caller]);
    return { proxy, ledger: viewer === undefined ? ledger : ledger.as(viewer) };
  };
  await watchFlights(ownerUrl);
  const services = { one: await open('alice'), two: await open('bob') };
  const close = async () => {
    for (const { ledger, proxy } of Object.values(services)) {
      await ledger.close();
      await proxy.close();
    }
    await owner.end();
  };
  try {
    const world = new World(services, owner, await makeAccounts(services.one.ledger, seed));
    await world.open();
    for (const steps of rounds) await Promise.all(steps.map((each) => world.take(each)));
    await world.repeatAll();
    if (faults.length > 0) throw new Error('a command failed with an internal error', { cause: faults[0] });
    await demandSoundBooks(serviceUrl);
    await close();
    return { ...world.report(), optimistic: await countFlights(ownerUrl) };
  } catch (error) {
    await close();
    throw error;
  }
}

class World {
  readonly #services: Services;
  readonly #owner: pg.Pool;
  readonly #accounts: readonly string[];
  readonly #requests: Request[] = [];

  constructor(services: Services, owner: pg.Pool, accounts: readonly string[]) {
    this.#services = services;
    this.#owner = owner;
    this.#accounts = accounts;
  }

  report(): Omit<RaceReport, 'optimistic'> {
    const posted = this.#requests.filter(({ outcomes }) => outcomes.at(-1)?.code === 'POSTED');
    return { requests: this.#requests.length, posted: posted.length };
  }

  /** Deposits money to each account. */
  async open(): Promise<void> {
    for (let account = 0; account < ACCOUNTS; account += 1) {
      const move = {
        kind: 'DEPOSIT',
        account,
        other: account,
        amount: 60,
        day: null,
        externalId: null,
      } as const;
      await this.take({ do: 'post', via: 'one', move });
    }
  }

  async take(given: Step): Promise<void> {
    switch (given.do) {
      case 'post': {
        const request = this.#ask(given.move);
        if (request === undefined) return;
        await Promise.all(viasOf(given.via).map((via) => this.#post(via, request)));
        return;
      }
      case 'batch': {
        const requests = given.moves.flatMap((each) => this.#ask(each) ?? []);
        if (requests.length === 0) return;
        await Promise.all(viasOf(given.via).map((via) => this.#postBatch(via, given.mode, requests)));
        return;
      }
      case 'limit':
        return this.#change(given.via, given.account, {
          minBalance: { amount: `${given.bound}.00` },
        });
      case 'status':
        return this.#change(given.via, given.account, { kind: given.kind });
      case 'close':
        await this.#services[given.via].ledger.closePeriod({ before: atDay(given.day) });
        return;
      case 'repeat': {
        const request = this.#requests.at(-1 - given.back);
        if (request !== undefined) await this.#post(given.via, request);
        return;
      }
      case 'hold the head':
        return this.#holdHead(given.ms);
      case 'cut': {
        const { proxy } = this.#services[given.via];
        proxy.refuse();
        await sleep(20);
        proxy.admit();
      }
    }
  }

  /** Repeats every request on both ledgers, and compares all outcomes of its key. */
  async repeatAll(): Promise<void> {
    for (const request of this.#requests) {
      for (const via of ['one', 'two'] as const) await this.#post(via, request);
      demandOneAnswer(request);
    }
  }

  #ask({ kind, account, other, amount, day, externalId }: Move): Request | undefined {
    const [accountId = '', otherId = ''] = [this.#accounts[account], this.#accounts[other]];
    if (kind === 'TRANSFER' && accountId === otherId) return undefined;
    const attempt = {
      amount: `${amount}.00`,
      idempotencyKey: `key ${this.#requests.length}`,
      effectiveAt: day === null ? null : atDay(day),
      externalId: externalId === null ? null : `${this.#accounts[0]} event ${externalId}`,
    };
    const command = {
      DEPOSIT: () => toDeposit({ accountId, ...attempt }),
      WITHDRAWAL: () => toWithdrawal({ accountId, ...attempt }),
      TRANSFER: () => toTransfer({ fromAccountId: accountId, toAccountId: otherId, ...attempt }),
    }[kind]();
    if ('code' in command) throw new TypeError(command.code);
    const request = { command, outcomes: [] };
    this.#requests.push(request);
    return request;
  }

  async #post(via: Via, { command, outcomes }: Request): Promise<void> {
    outcomes.push(demandActor(via, await this.#services[via].ledger.post(command), this.#services));
  }

  async #postBatch(via: Via, mode: 'ATOMIC' | 'INDEPENDENT', requests: readonly Request[]): Promise<void> {
    const { ledger } = this.#services[via];
    const answer = await ledger.postBatch(
      mode,
      requests.map(({ command }) => command),
    );
    if (answer.code === 'PROCESSED') {
      for (const [place, outcome] of answer.outcomes.entries()) {
        requests[place]?.outcomes.push(demandActor(via, outcome, this.#services));
      }
    } else if (answer.code === 'BATCH_ABORTED') {
      const { index, cause } = answer.facts;
      if (cause.recorded) requests[index]?.outcomes.push(cause);
    } else if (!answer.retryable) {
      throw new Error(`a batch returned ${answer.code}`);
    }
  }

  async #change(
    via: Via,
    account: number,
    change: { readonly kind: 'FREEZE' | 'UNFREEZE' } | { readonly minBalance: { readonly amount: string } },
  ): Promise<void> {
    const accountId = this.#accounts[account] ?? '';
    const wanted: AccountChange | Refusal =
      'kind' in change ? { ...change, idempotencyKey: null } : toAccountUpdate({ accountId, ...change });
    if ('code' in wanted) throw new TypeError(wanted.code);
    await this.#services[via].ledger.changeAccount(accountId, wanted);
  }

  /** Delays all commits. */
  async #holdHead(ms: number): Promise<void> {
    const client = await this.#owner.connect();
    try {
      await client.query('begin');
      await client.query('select from ledgers for update');
      await sleep(ms);
      await client.query('commit');
    } finally {
      client.release();
    }
  }
}

function viasOf(via: Via | 'both'): readonly Via[] {
  return via === 'both' ? ['one', 'two'] : [via];
}

function atDay(day: number): bigint {
  return FIRST_DAY + BigInt(day) * DAY_MICROS;
}

async function makeAccounts(ledger: Ledger, seed: number): Promise<string[]> {
  const made: string[] = [];
  for (let n = 0; n < ACCOUNTS; n += 1) {
    const request = toAccountRequest({ owner: `race ${seed}`, currency: 'USD', normalSide: 'CREDIT' });
    if ('code' in request) throw new TypeError(request.code);
    const answer = await ledger.createAccount(request);
    if (answer.code !== 'CREATED') throw new TypeError(answer.code);
    made.push(formatId('account', answer.account.id));
  }
  return made;
}

/** Throws if a transaction was posted for another caller. */
function demandActor(via: Via, outcome: Outcome, services: Services): Outcome {
  const caller = services[via].ledger.viewer.actor?.id;
  if (outcome.code === 'POSTED' && !outcome.replayed && outcome.transaction.actor !== caller) {
    throw new Error(`the caller ${caller} posted ${textOf(outcome)}`);
  }
  return outcome;
}

/** Throws unless a key has one outcome, is executed once, and no final refusal is followed by a posting. */
function demandOneAnswer({ command, outcomes }: Request): void {
  const final = outcomes.filter(isFinal);
  const kept = final.filter((outcome) => outcome.code === 'POSTED' || outcome.recorded);
  const fresh = kept.filter(({ replayed }) => !replayed);
  const isOne = new Set(kept.map(textOf)).size <= 1 && (kept.length === 0 || kept.length === final.length);
  if (isOne && fresh.length <= 1 && outcomes.slice(-2).every(isFinal)) return;
  throw new Error(
    `the key ${command.idempotencyKey} (${command.type}) has the outcomes ${outcomes.map(textOf).join('\n')}`,
  );
}

/** Whether an outcome is final, so that a repeated request returns the same. */
function isFinal(outcome: Outcome): boolean {
  return outcome.code === 'POSTED' || !outcome.retryable;
}

function textOf({ replayed: _, ...outcome }: Outcome): string {
  const plain = JSON.stringify(outcome, (_key, value) => (typeof value === 'bigint' ? `${value}` : value));
  return canonicalize(JSON.parse(plain)) ?? '';
}

async function demandSoundBooks(url: string): Promise<void> {
  const db = openDatabase({
    allowUnsafeDurability: true,
    url,
    maxConnections: 1,
    applicationName: 'invariants',
  });
  try {
    const broken = (await checkInvariants(db)).filter(({ violations }) => violations.length > 0);
    if (broken.length > 0) throw new Error(JSON.stringify(broken, null, 2));
  } finally {
    await db.destroy();
  }
}
