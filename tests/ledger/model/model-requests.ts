/**
 * Random requests. A step is drawn first and becomes a request that fits the model's state at that time, so that most requests
 * succeed and many fail by a small margin.
 */
import fc from 'fast-check';
import {
  type Account,
  CLOSED_BEFORE,
  type Condition,
  isChange,
  type JournalEntry,
  outsideOf,
  type Posting,
  type ReferenceModel,
  type Request,
} from './reference-model.ts';

const empty = { status: 'OPEN', balance: 0n, held: 0n, incoming: 0n, version: 0n } as const;
const standard = { ...empty, isOutside: false, currency: 'USD', side: 'CREDIT', min: 0n, max: null } as const;
const outside = { ...standard, isOutside: true, side: 'DEBIT', min: null } as const;
/** The accounts of a world in their initial state. */
export const ACCOUNTS: ReadonlyMap<string, Account> = new Map<string, Account>([
  ['a', standard],
  ['b', { ...standard, max: 2000n }],
  ['c', { ...standard, min: -500n }],
  ['d', { ...standard, side: 'DEBIT', min: null, max: 1500n }],
  ['spare', standard],
  ['euro', { ...standard, currency: 'EUR' }],
  ['liquidity', { ...standard, currency: 'EUR', side: 'DEBIT', min: null }],
  [outsideOf('USD'), outside],
  [outsideOf('EUR'), { ...outside, currency: 'EUR' }],
]);

const often = <T>(value: T, times: number): T[] => Array.from({ length: times }, () => value);
const USUAL = [
  ...often('a', 8),
  ...often('b', 6),
  ...often('c', 4),
  ...often('d', 3),
  'spare',
  'euro',
  'liquidity',
];
const account = fc.constantFrom(...USUAL, ...USUAL, ...USUAL, outsideOf('USD'), 'missing');
const own = fc.constantFrom(...USUAL, ...USUAL, 'missing');
const anyCurrency = fc.constantFrom(...USUAL, ...often('euro', 5), ...often('liquidity', 5));
const amount = fc.integer({ min: 1, max: 12 }).map((units) => BigInt(units) * 100n);
const text = fc.constantFrom(...often(null, 8), 'tea', 'coffee');
const KINDS = {
  DEPOSIT: 6,
  WITHDRAWAL: 3,
  TRANSFER: 10,
  JOURNAL: 8,
  HOLD: 12,
  CAPTURE: 12,
  VOID: 2,
  EXPIRY: 4,
  REVERSAL: 10,
  FREEZE: 1,
  UNFREEZE: 3,
  CLOSE: 1,
  LIMITS: 2,
  AGAIN: 10,
} as const;
const kinds = Object.entries(KINDS).flatMap(([kind, times]) => often(kind as keyof typeof KINDS, times));
/** The first requests of a world, which fund its accounts. */
export const OPENING: readonly Posting[] = (['a', 'b', 'c', 'euro'] as const).map((accountId) => {
  const attempt = { key: 'opening', externalId: null, effectiveAt: null, description: null };
  return { kind: 'DEPOSIT', ...attempt, accountId, amount: 1500n };
});

/** The changes of another request with the same key. */
const ALTERATIONS = [
  'amount',
  'externalId',
  'description',
  'entries',
  'conditions',
  'final',
  'toAccountId',
  'kind',
];

const seldom = <T>(oneOf: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: oneOf - 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary });

/** A limit at some distance from the account's balance. */
const anyCondition = fc.record({
  account: own,
  kind: fc.constantFrom('expectedVersion', 'balanceAtLeast', 'balanceAtMost', 'availableAtLeast'),
  distance: fc.integer({ min: -4, max: 4 }),
});

export const anyStep = fc.record({
  kind: fc.constantFrom(...kinds),
  from: account,
  to: account,
  own,
  amount,
  /** The key of an earlier request of any kind; rare. */
  oldKey: seldom(15, fc.nat(40)),
  externalId: seldom(5, fc.integer({ min: 1, max: 30 })),
  effectiveAt: fc.constantFrom(...often(null, 40), CLOSED_BEFORE - 1n, CLOSED_BEFORE),
  description: text,
  conditions: seldom(4, fc.array(anyCondition, { minLength: 1, maxLength: 2 })),
  /** The expiry of a hold: an instant long ago, never, in an hour, or in so many milliseconds. */
  expiry: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...often('never', 12), ...often('later', 4), 'long ago') },
    { weight: 2, arbitrary: fc.integer({ min: 20, max: 200 }) },
  ),
  target: fc.nat(40),
  isWhole: fc.boolean(),
  final: fc.boolean(),
  lines: fc.array(fc.record({ account: anyCurrency, isDebit: fc.boolean(), amount, description: text }), {
    minLength: 1,
    maxLength: 4,
  }),
  isBalanced: fc.constantFrom(...often(true, 8), false),
  limit: fc.constantFrom<bigint | null | undefined>(null, undefined, -1000n, 0n, 300n, 1500n, 3000n),
  alteration: fc.constantFrom(...often(null, 6), ...ALTERATIONS),
  /** Whether the request uses `ext:` names and writes amounts with all decimals. */
  isSpeltOut: fc.boolean(),
  /** Whether it is sent together with the previous one. */
  isTogether: fc.constantFrom(...often(true, 4), false),
});
export type Step = typeof anyStep extends fc.Arbitrary<infer S> ? S : never;

/** Returns the request of a step for the model's state and the earlier requests. */
export function toRequest(step: Step, model: ReferenceModel, asked: readonly Request[]): Request {
  const postings = asked.filter((request): request is Posting => !isChange(request));
  if (step.kind !== 'AGAIN') return newRequest(step, step.kind, model, postings);
  const earlier = postings.at(-1 - (step.target % 10));
  if (earlier === undefined) return newRequest(step, 'DEPOSIT', model, postings);
  const { alteration } = step;
  if (alteration === null || earlier.kind === 'EXPIRY') return earlier;
  if (alteration === 'kind')
    return { ...newRequest(step, 'TRANSFER', model, postings), key: earlier.key } as Request;
  const other: object = newRequest(step, earlier.kind, model, postings);
  const altered = Object.entries(other).filter(([field]) => field === alteration);
  return { ...earlier, ...Object.fromEntries(altered) };
}

function newRequest(
  step: Step,
  kind: Exclude<Step['kind'], 'AGAIN'>,
  model: ReferenceModel,
  asked: readonly Posting[],
): Request {
  const old = step.oldKey === null ? undefined : asked.at(-1 - step.oldKey);
  const key = old !== undefined && 'key' in old ? old.key : `key ${asked.length}`;
  const externalId = step.externalId === null ? null : `order ${step.externalId}`;
  const { description, effectiveAt, from, final } = step;
  const attempt = { key, externalId, effectiveAt, description };
  const part = step.isWhole ? null : step.amount;
  const conditions = (step.conditions ?? []).map((one) => toCondition(one, model));
  const between = {
    ...attempt,
    fromAccountId: from,
    toAccountId: partnerOf(step),
    amount: step.amount,
    conditions,
  };
  const holdId = pick([...model.holds.keys()], step.target);
  if (model.holds.size === 0 && (kind === 'CAPTURE' || kind === 'VOID' || kind === 'EXPIRY'))
    return { kind: 'HOLD', ...between, expiresAt: expiryOf(step) };
  switch (kind) {
    case 'DEPOSIT':
    case 'WITHDRAWAL':
      return { kind, ...attempt, accountId: from, amount: step.amount };
    case 'TRANSFER':
      return { kind, ...between };
    case 'HOLD':
      return { kind, ...between, expiresAt: expiryOf(step) };
    case 'JOURNAL': {
      const entries = entriesOf(step);
      const keyAccountId =
        step.target === 0 ? step.own : (entries[step.target % entries.length]?.accountId ?? '');
      return { kind, ...attempt, keyAccountId, entries, conditions };
    }
    case 'CAPTURE':
      return { kind, ...attempt, holdId, amount: part, final };
    case 'VOID':
      return { kind, key, description, holdId };
    case 'EXPIRY':
      return { kind, holdId };
    case 'REVERSAL': {
      const reversible = [...model.posted].filter(([, { lines }]) =>
        lines.some(({ layer }) => layer === 'POSTED'),
      );
      const names = step.target % 4 === 0 ? model.posted.keys() : reversible.map(([name]) => name);
      return { kind, ...attempt, transactionId: pick([...names], step.target), amount: part };
    }
    case 'LIMITS':
      return step.isWhole
        ? { kind, accountId: step.own, minBalance: step.limit, maxBalance: undefined }
        : { kind, accountId: step.own, minBalance: undefined, maxBalance: step.limit };
    case 'FREEZE':
    case 'UNFREEZE':
      return { kind, accountId: step.own };
    case 'CLOSE':
      return { kind, accountId: step.target % 3 === 0 ? step.own : 'spare' };
  }
}

/** Returns another account, mostly of the same currency. */
function partnerOf({ from, to, target }: Step): string {
  const currency = ACCOUNTS.get(from)?.currency;
  const partners = USUAL.filter((name) => name !== from && ACCOUNTS.get(name)?.currency === currency);
  return target % 8 === 0 || partners.includes(to) ? to : (partners[target % partners.length] ?? to);
}

/** Returns one of the last few, or a missing one. */
function pick(names: readonly string[], target: number): string {
  return target === 0
    ? 'nothing'
    : (names.at(-1 - (target % Math.max(1, Math.min(4, names.length)))) ?? 'nothing');
}

function toCondition(
  { account: accountId, kind, distance }: typeof anyCondition extends fc.Arbitrary<infer C> ? C : never,
  model: ReferenceModel,
): Condition {
  const { version, balance, held, min } = model.accounts.get(accountId) ?? standard;
  const bound = kind === 'availableAtLeast' ? balance - held - (min ?? 0n) : balance;
  const none = { expectedVersion: null, balanceAtLeast: null, balanceAtMost: null, availableAtLeast: null };
  const near = version + BigInt(distance < 0 ? 0 : distance % 2);
  return { accountId, ...none, [kind]: kind === 'expectedVersion' ? near : bound + BigInt(distance) * 100n };
}

function expiryOf({ expiry }: Step): bigint | null {
  if (expiry === 'never') return null;
  if (expiry === 'long ago') return CLOSED_BEFORE;
  return BigInt(Date.now() + (expiry === 'later' ? 3_600_000 : Number(expiry))) * 1000n;
}

/** Returns random lines and those that balance them. */
function entriesOf({ lines, isBalanced, to, amount: surplus }: Step): JournalEntry[] {
  const entries = lines.map(({ account: accountId, isDebit, ...rest }): JournalEntry => {
    return { accountId, side: isDebit ? 'DEBIT' : 'CREDIT', ...rest };
  });
  const byCurrency = Map.groupBy(entries, ({ accountId }) => ACCOUNTS.get(accountId)?.currency ?? 'USD');
  for (const [currency, some] of byCurrency) {
    const sum = some.reduce((total, { side, amount: one }) => total + (side === 'CREDIT' ? one : -one), 0n);
    const rest = isBalanced ? sum : sum + surplus;
    if (rest === 0n) continue;
    const accountId = ACCOUNTS.get(to)?.currency === currency ? to : outsideOf(currency);
    const side = rest > 0n ? 'DEBIT' : 'CREDIT';
    entries.push({ accountId, side, amount: rest < 0n ? -rest : rest, description: null });
  }
  // Two lines may remain that have no account.
  return entries.length > 1 ? entries : [...entries, ...entries];
}
