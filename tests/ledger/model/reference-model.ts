/**
 * A simple model of the ledger: the books are Maps, and the recorded answers are a Map. It shares no code with the program that it
 * is compared with. Amounts are minor units, instants microseconds. Accounts have names; a transaction, and the hold that it
 * places, is named by the account and the key of its request.
 */
interface Attempt {
  readonly key: string;
  readonly externalId: string | null;
  readonly effectiveAt: bigint | null;
  readonly description: string | null;
}
interface Move extends Attempt {
  readonly fromAccountId: string;
  readonly toAccountId: string;
  readonly amount: bigint;
  readonly conditions: readonly Condition[];
}
export interface Condition {
  readonly accountId: string;
  readonly expectedVersion: bigint | null;
  readonly balanceAtLeast: bigint | null;
  readonly balanceAtMost: bigint | null;
  readonly availableAtLeast: bigint | null;
}
export interface JournalEntry {
  readonly accountId: string;
  readonly side: Side;
  readonly amount: bigint;
  readonly description: string | null;
}
export type Posting =
  | (Attempt & {
      readonly kind: 'DEPOSIT' | 'WITHDRAWAL';
      readonly accountId: string;
      readonly amount: bigint;
    })
  | (Move & { readonly kind: 'TRANSFER' })
  | (Move & { readonly kind: 'HOLD'; readonly expiresAt: bigint | null })
  | (Attempt & {
      readonly kind: 'JOURNAL';
      readonly keyAccountId: string;
      readonly entries: readonly JournalEntry[];
      readonly conditions: readonly Condition[];
    })
  | (Attempt & {
      readonly kind: 'CAPTURE';
      readonly holdId: string;
      readonly amount: bigint | null;
      readonly final: boolean;
    })
  | (Pick<Attempt, 'key' | 'description'> & { readonly kind: 'VOID'; readonly holdId: string })
  | { readonly kind: 'EXPIRY'; readonly holdId: string }
  | (Attempt & {
      readonly kind: 'REVERSAL';
      readonly transactionId: string;
      readonly amount: bigint | null;
    });
/** undefined: the limit is not changed; null: no limit. */
export type Change =
  | { readonly kind: 'FREEZE' | 'UNFREEZE' | 'CLOSE'; readonly accountId: string }
  | {
      readonly kind: 'LIMITS';
      readonly accountId: string;
      readonly minBalance: bigint | null | undefined;
      readonly maxBalance: bigint | null | undefined;
    };
export type Request = Posting | Change;

type Side = 'DEBIT' | 'CREDIT';
export interface Account {
  readonly isOutside: boolean;
  readonly currency: string;
  readonly side: Side;
  readonly status: 'OPEN' | 'FROZEN' | 'CLOSED';
  readonly min: bigint | null;
  readonly max: bigint | null;
  /** On the account's normal side, like the other amounts. */
  readonly balance: bigint;
  readonly held: bigint;
  readonly incoming: bigint;
  readonly version: bigint;
}
interface Hold {
  readonly from: string;
  readonly to: string;
  readonly remaining: bigint;
  readonly expiresAt: bigint | null;
  readonly status: 'OPEN' | 'CAPTURED' | 'VOIDED' | 'EXPIRED';
}
/** A signed amount, credits positive. */
interface Line {
  readonly account: string;
  readonly layer: 'POSTED' | 'PENDING' | 'RELEASE';
  readonly amount: bigint;
}
interface Posted {
  readonly kind: Posting['kind'];
  readonly keyAccount: string;
  readonly lines: readonly Line[];
  readonly reversed: bigint;
}
interface Plan {
  readonly lines: readonly Line[];
  readonly hold?: readonly [name: string | null, left: Hold];
  readonly reverses?: { readonly name: string; readonly size: bigint };
}

/** The lines to post, and the name of the target. */
interface Decided {
  readonly request: Posting;
  readonly name: string;
  readonly keyAccount: string;
  readonly plan: Plan;
}

/** An earlier effectiveAt is rejected. */
export const CLOSED_BEFORE = 1_600_000_000_000_000n;
export const outsideOf = (currency: string) => `outside ${currency}`;
export const nameOf = (keyAccount: string, key: string) => `${keyAccount} ${key}`;

/** An answer as text: its code and its facts. */
export function say(code: string, facts: object = {}): string {
  const sorted = Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${code} ${textOf(Object.fromEntries(sorted))}`;
}
export const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}` : each)) ?? '';

/** The answers that are recorded. */
export const KEPT =
  /^(POSTED|HOLD_(EXPIRED|NOT_OPEN|AMOUNT_EXCEEDED)|ALREADY_REVERSED|REVERSAL_AMOUNT_EXCEEDED|ACCOUNT_(CLOSED|FROZEN)|CONDITION_FAILED|INSUFFICIENT_FUNDS|BALANCE_LIMIT_EXCEEDED) /;

export class ReferenceModel {
  readonly accounts: Map<string, Account>;
  holds = new Map<string, Hold>();
  posted = new Map<string, Posted>();
  #answers = new Map<string, { readonly request: Posting; readonly answer: string }>();
  #taken = new Map<string, string>();

  constructor(accounts: ReadonlyMap<string, Account>) {
    this.accounts = new Map(accounts);
  }

  /** Returns an independent copy. */
  fork(): ReferenceModel {
    const other = new ReferenceModel(this.accounts);
    other.holds = new Map(this.holds);
    other.posted = new Map(this.posted);
    other.#answers = new Map(this.#answers);
    other.#taken = new Map(this.#taken);
    return other;
  }

  /** Returns a copy in which a transaction's externalId is free. */
  withoutExternalIdOf(name: string): ReferenceModel {
    const other = this.fork();
    for (const [externalId, taker] of this.#taken) if (taker === name) other.#taken.delete(externalId);
    return other;
  }

  /** Returns the answer to a request that is decided at an instant. */
  answer(request: Request, at: bigint): string {
    if (isChange(request)) return this.#change(request);
    const decided = this.#decide(request, at);
    if (typeof decided !== 'string') return this.#post(decided);
    const keyAccount = this.keyAccountOf(request);
    if (keyAccount !== undefined) this.keep(request, keyAccount, decided);
    return decided;
  }

  /** Returns the refusal of the request; undefined if it would be posted. */
  refusalOf(request: Posting, at: bigint): string | undefined {
    const decided = this.#decide(request, at);
    return typeof decided === 'string' ? decided : undefined;
  }

  /** Returns the recorded answer of the request's key; undefined if the key is unused. */
  again(request: Posting, keyAccount: string): string | undefined {
    if (request.kind === 'EXPIRY') return undefined;
    const name = nameOf(keyAccount, request.key);
    const before = this.#answers.get(name);
    return before === undefined ? undefined : this.#again(this.resolve(request), name, before);
  }

  /** Records the answer of an unused key if it is one of the recorded kinds. */
  keep(request: Posting, keyAccount: string, answer: string): void {
    if (request.kind === 'EXPIRY' || !KEPT.test(answer)) return;
    const name = nameOf(keyAccount, request.key);
    if (!this.#answers.has(name)) this.#answers.set(name, { request: this.resolve(request), answer });
  }

  /** Replaces the target's `ext:` name with the target's name if it exists. */
  resolve(request: Posting): Posting {
    const target = targetOf(request);
    if (target === undefined || !target.startsWith('ext:')) return request;
    const name = this.#taken.get(target.slice('ext:'.length));
    if (name === undefined) return request;
    if ('transactionId' in request) return { ...request, transactionId: name };
    return this.holds.has(name) ? ({ ...request, holdId: name } as Posting) : request;
  }

  #decide(given: Posting, at: bigint): string | Decided {
    const request = this.resolve(given);
    const keyAccount = this.keyAccountOf(request);
    if (keyAccount === undefined) return targetNotFound(request);
    const name = request.kind === 'EXPIRY' ? `${request.holdId} expired` : nameOf(keyAccount, request.key);
    if (!this.accounts.has(keyAccount)) return say('ACCOUNT_NOT_FOUND', { accountId: keyAccount });
    const before = this.#answers.get(name);
    if (before !== undefined) return this.#again(request, name, before);

    const plan = this.#plan(request, at);
    if (typeof plan === 'string') return plan;
    return this.#check(request, plan) ?? { request, name, keyAccount, plan };
  }

  /** Returns the account that the key belongs to; undefined if the target is missing. */
  keyAccountOf(given: Posting): string | undefined {
    const request = this.resolve(given);
    if ('accountId' in request) return request.accountId;
    if ('fromAccountId' in request) return request.fromAccountId;
    if ('keyAccountId' in request) return request.keyAccountId;
    if ('holdId' in request) return this.holds.get(request.holdId)?.from;
    return this.posted.get(request.transactionId)?.keyAccount;
  }

  #again(request: Posting, name: string, before: { request: Posting; answer: string }): string {
    const isPosted = before.answer.startsWith('POSTED');
    const fields = differingFields(request, before.request, isPosted);
    if (fields.length === 0) return `${before.answer} again`;
    const transaction = isPosted ? name : null;
    return say('IDEMPOTENCY_CONFLICT', { differingFields: fields, transaction });
  }

  /** Returns the movement, or the refusal that follows from the request, its hold or its original transaction. */
  #plan(request: Posting, at: bigint): Plan | string {
    if (request.kind === 'CAPTURE') return this.#attempt(request) ?? this.#capture(request, at);
    if (request.kind === 'VOID' || request.kind === 'EXPIRY') return this.#release(request, at);
    if (request.kind === 'REVERSAL') return this.#reverse(request);

    const { kind } = request;
    const lines = this.#linesOf(request);
    const [from, to] = lines;
    if ((kind === 'TRANSFER' || kind === 'HOLD') && from?.account === to?.account)
      return say('SAME_ACCOUNT', { accountId: to?.account });
    if (kind === 'JOURNAL' && !lines.some(({ account }) => account === request.keyAccountId))
      return say('INVALID_INPUT', { field: 'keyAccountId' });
    const expiresAt = kind === 'HOLD' ? request.expiresAt : null;
    if (expiresAt !== null && expiresAt <= at) return say('INVALID_INPUT', { field: 'expiresAt' });
    const named = [
      ...lines.map(({ account }) => account),
      ...conditionsOf(request).map((one) => one.accountId),
    ];
    const missing = named.find((account) => !this.accounts.has(account));
    if (missing !== undefined) return say('ACCOUNT_NOT_FOUND', { accountId: missing });
    const currencies = lines.map(({ account }) => this.#get(account).currency);
    if (kind !== 'JOURNAL' && currencies[0] !== currencies[1])
      return say('CURRENCY_MISMATCH', { expected: currencies[0], given: currencies[1] });
    for (const currency of [...currencies].sort()) {
      const sum = total(lines.filter(({ account }) => this.#get(account).currency === currency));
      if (sum !== 0n) return say('UNBALANCED', { difference: size(sum) });
    }
    const outside = lines.find(({ account }) => this.#get(account).isOutside);
    if (kind === 'HOLD' && outside !== undefined)
      return say('UNSUPPORTED_ACCOUNT', { account: outside.account });
    if ('accountId' in request && this.#get(request.accountId).side === 'DEBIT')
      return say('UNSUPPORTED_ACCOUNT', { account: request.accountId });
    const refusal = this.#attempt(request);
    if (refusal !== undefined) return refusal;
    if (kind !== 'HOLD') return { lines };
    const { fromAccountId, toAccountId, amount: remaining } = request;
    const hold: Hold = { from: fromAccountId, to: toAccountId, remaining, expiresAt, status: 'OPEN' };
    return { lines, hold: [null, hold] };
  }

  #linesOf(request: Exclude<Posting, { holdId: string } | { transactionId: string }>): Line[] {
    if (request.kind === 'JOURNAL') {
      return request.entries.map(({ accountId, side, amount }) => {
        return { account: accountId, layer: 'POSTED', amount: side === 'CREDIT' ? amount : -amount };
      });
    }
    const { kind, amount } = request;
    if ('fromAccountId' in request) {
      const layer = kind === 'HOLD' ? 'PENDING' : 'POSTED';
      return between(request.fromAccountId, request.toAccountId, layer, amount);
    }
    const outside = outsideOf(this.#get(request.accountId).currency);
    return kind === 'DEPOSIT'
      ? between(outside, request.accountId, 'POSTED', amount)
      : between(request.accountId, outside, 'POSTED', amount);
  }

  #attempt({ effectiveAt, externalId }: Attempt): string | undefined {
    if (effectiveAt !== null && effectiveAt < CLOSED_BEFORE)
      return say('PERIOD_CLOSED', { closedBefore: CLOSED_BEFORE });
    const id = this.#taken.get(externalId ?? '');
    return id === undefined ? undefined : say('EXTERNAL_ID_TAKEN', { takenBy: { kind: 'transaction', id } });
  }

  #capture({ holdId, amount, final }: Posting & { kind: 'CAPTURE' }, at: bigint): Plan | string {
    const hold = mustGet(this.holds, holdId);
    const { from, to, status, remaining } = hold;
    if (status === 'EXPIRED' || (status === 'OPEN' && isOver(hold, at)))
      return say('HOLD_EXPIRED', { hold: holdId });
    if (status !== 'OPEN') return say('HOLD_NOT_OPEN', { hold: holdId });
    const captured = amount ?? remaining;
    if (captured > remaining)
      return say('HOLD_AMOUNT_EXCEEDED', { hold: holdId, remaining, requested: captured });
    const isLast = final || captured === remaining;
    const released = isLast ? remaining : captured;
    return {
      lines: [...between(to, from, 'RELEASE', released), ...between(from, to, 'POSTED', captured)],
      hold: [holdId, { ...hold, remaining: remaining - released, status: isLast ? 'CAPTURED' : 'OPEN' }],
    };
  }

  #release({ kind, holdId }: Posting & { kind: 'VOID' | 'EXPIRY' }, at: bigint): Plan | string {
    const hold = mustGet(this.holds, holdId);
    const { from, to, status, remaining } = hold;
    if (status !== 'OPEN' || (kind === 'EXPIRY' && !isOver(hold, at)))
      return say('HOLD_NOT_OPEN', { hold: holdId });
    const left: Hold = { ...hold, remaining: 0n, status: kind === 'VOID' ? 'VOIDED' : 'EXPIRED' };
    return { lines: between(to, from, 'RELEASE', remaining), hold: [holdId, left] };
  }

  #reverse(request: Posting & { kind: 'REVERSAL' }): Plan | string {
    const { transactionId: name, amount } = request;
    const { kind, reversed, ...original } = mustGet(this.posted, name);
    const lines = original.lines.filter(({ layer }) => layer === 'POSTED');
    const isOfTwo = lines.length === 2;
    if (kind === 'REVERSAL' || lines.length === 0 || (amount !== null && !isOfTwo))
      return say('NOT_REVERSIBLE', { transaction: name });
    const refusal = this.#attempt(request);
    if (refusal !== undefined) return refusal;
    const whole = size(lines[0]?.amount ?? 0n);
    if (reversed === whole) return say('ALREADY_REVERSED', { transaction: name });
    const remaining = whole - reversed;
    const part = amount ?? remaining;
    if (part > remaining) return say('REVERSAL_AMOUNT_EXCEEDED', { remaining, requested: part });
    const swapped = lines.map((line) => {
      const reversal = isOfTwo ? part : size(line.amount);
      return { ...line, amount: line.amount < 0n ? reversal : -reversal };
    });
    return { lines: swapped, reverses: { name, size: part } };
  }

  /** Returns the refusal that follows from the accounts' states. */
  #check(request: Posting, { lines }: Plan): string | undefined {
    const left = this.#leave(lines);
    const moved = [...left].map(([account, after]) => ({ account, before: this.#get(account), after }));
    const endsHold = request.kind === 'VOID' || request.kind === 'EXPIRY';
    for (const { account, before } of moved)
      if (before.status === 'CLOSED') return say('ACCOUNT_CLOSED', { account });
    for (const { account, before } of moved)
      if (before.status === 'FROZEN' && !endsHold) return say('ACCOUNT_FROZEN', { account });
    for (const condition of conditionsOf(request)) {
      const { accountId: account } = condition;
      const found = this.#get(account);
      const failed = failedCondition(condition, found, left.get(account) ?? found);
      if (failed === undefined) continue;
      const { balance, version, ...seen } =
        failed === 'EXPECTED_VERSION' ? found : (left.get(account) ?? found);
      return say('CONDITION_FAILED', {
        account,
        condition: failed,
        actualBalance: balance,
        actualAvailable: seen.min === null ? null : balance - seen.held - seen.min,
        actualVersion: version,
      });
    }
    for (const { account, before, after } of moved) {
      const [available, requested] = [lowest(before) - (before.min ?? 0n), lowest(before) - lowest(after)];
      if (before.min !== null && requested > 0n && lowest(after) < before.min)
        return say('INSUFFICIENT_FUNDS', { account, available, requested });
    }
    for (const { account, before, after } of moved) {
      const resulting = highest(after);
      if (before.max !== null && resulting > highest(before) && resulting > before.max)
        return say('BALANCE_LIMIT_EXCEEDED', { account, limit: before.max, resulting });
    }
    return undefined;
  }

  #post({ request, name, keyAccount, plan: { lines, hold, reverses } }: Decided): string {
    const entries: string[] = [];
    for (const line of lines) {
      const after = move(this.#get(line.account), line);
      this.accounts.set(line.account, after);
      entries.push(entryText(line, after));
    }
    if (hold !== undefined) this.holds.set(hold[0] ?? name, hold[1]);
    if (reverses !== undefined) {
      const original = mustGet(this.posted, reverses.name);
      this.posted.set(reverses.name, { ...original, reversed: original.reversed + reverses.size });
    }
    if ('externalId' in request && request.externalId !== null) this.#taken.set(request.externalId, name);
    this.posted.set(name, { kind: request.kind, keyAccount, lines, reversed: 0n });
    const answer = say('POSTED', { name, entries });
    this.keep(request, keyAccount, answer);
    return answer;
  }

  #change(request: Change): string {
    const { accountId } = request;
    const account = this.accounts.get(accountId);
    if (account === undefined) return say('ACCOUNT_NOT_FOUND', { accountId });
    const { status, balance, held, incoming } = account;
    if (request.kind === 'CLOSE' && status !== 'CLOSED') {
      const open = [...this.holds.values()].filter((hold) => hold.status === 'OPEN');
      const openHolds = open.filter(({ from, to }) => from === accountId || to === accountId).length;
      if (balance !== 0n || openHolds > 0)
        return say('ACCOUNT_NOT_EMPTY', { account: accountId, balance, openHolds });
    } else if (status === 'CLOSED' && request.kind !== 'CLOSE') {
      return say('ACCOUNT_CLOSED', { account: accountId });
    }
    if (request.kind === 'LIMITS') {
      const { min, max } = account;
      const { minBalance = min, maxBalance = max } = request;
      const unmet = (limit: bigint | null) => say('LIMIT_UNMET', { limit, balance, held, incoming });
      if (minBalance !== null && lowest(account) < minBalance) return unmet(minBalance);
      if (maxBalance !== null && highest(account) > maxBalance) return unmet(maxBalance);
      this.accounts.set(accountId, { ...account, min: minBalance, max: maxBalance });
    } else {
      const statuses = { FREEZE: 'FROZEN', UNFREEZE: 'OPEN', CLOSE: 'CLOSED' } as const;
      this.accounts.set(accountId, { ...account, status: statuses[request.kind] });
    }
    return say('UPDATED');
  }

  /** Returns the moved accounts, in the order of the lines, in their states after them. */
  #leave(lines: readonly Line[]): Map<string, Account> {
    const left = new Map<string, Account>();
    for (const line of lines)
      left.set(line.account, move(left.get(line.account) ?? this.#get(line.account), line));
    return left;
  }
  #get(name: string): Account {
    return mustGet(this.accounts, name);
  }
}

/** Returns an entry as text, with the state of its account after it. The state of external accounts is unknown. */
export function entryText(
  { account, layer, amount }: Line,
  after: Pick<Account, 'balance' | 'held' | 'incoming' | 'version' | 'isOutside'>,
): string {
  const { balance, held, incoming, version } = after;
  const sums = after.isOutside ? '' : `: ${balance} held ${held} incoming ${incoming} version ${version}`;
  return `${account} ${layer} ${amount}${sums}`;
}

function move(account: Account, { layer, amount }: Line): Account {
  const gain = account.side === 'CREDIT' ? amount : -amount;
  const moved = { ...account, version: account.version + 1n };
  if (layer === 'POSTED') return { ...moved, balance: account.balance + gain };
  // A hold is a negative gain of the pending layer; its release is a positive one.
  return (layer === 'PENDING') === gain < 0n
    ? { ...moved, held: account.held - gain }
    : { ...moved, incoming: account.incoming + gain };
}

function failedCondition(condition: Condition, found: Account, left: Account): string | undefined {
  const { expectedVersion, balanceAtLeast, balanceAtMost, availableAtLeast } = condition;
  if (expectedVersion !== null && found.version !== expectedVersion) return 'EXPECTED_VERSION';
  if (balanceAtLeast !== null && left.balance < balanceAtLeast) return 'BALANCE_AT_LEAST';
  if (balanceAtMost !== null && left.balance > balanceAtMost) return 'BALANCE_AT_MOST';
  if (availableAtLeast !== null && left.min !== null && lowest(left) - left.min < availableAtLeast)
    return 'AVAILABLE_AT_LEAST';
  return undefined;
}

/** Returns the fields in which a request differs from the first one with its key. Entries' texts are kept only if posted. */
function differingFields(request: Posting, before: Posting, isPosted: boolean): string[] {
  if (request.kind !== before.kind) return ['type'];
  const earlier = new Map(Object.entries(before));
  const seen = (field: string, value: unknown) =>
    textOf(
      field === 'entries' && !isPosted
        ? (value as JournalEntry[]).map((one) => ({ ...one, description: null }))
        : value,
    );
  return Object.entries(request)
    .filter(([field, value]) => seen(field, value) !== seen(field, earlier.get(field)))
    .map(([field]) => field)
    .sort();
}

/** Returns the name of the request's hold or original transaction. */
export function targetOf(request: Posting): string | undefined {
  if ('holdId' in request) return request.holdId;
  return 'transactionId' in request ? request.transactionId : undefined;
}

function targetNotFound(request: Posting): string {
  return 'holdId' in request
    ? say('HOLD_NOT_FOUND', { holdId: request.holdId })
    : say('TRANSACTION_NOT_FOUND', {
        transactionId: 'transactionId' in request ? request.transactionId : '',
      });
}

function between(from: string, to: string, layer: Line['layer'], amount: bigint): Line[] {
  const lines = [
    { account: from, layer, amount: -amount },
    { account: to, layer, amount },
  ];
  // A release has the accounts in the same order as its hold.
  return layer === 'RELEASE' ? lines.reverse() : lines;
}

export const isChange = <T extends { readonly kind: string }>(request: T): request is T & Change =>
  ['FREEZE', 'UNFREEZE', 'CLOSE', 'LIMITS'].includes(request.kind);
function mustGet<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name);
  if (value === undefined) throw new TypeError(`there is no ${name}`);
  return value;
}
const conditionsOf = (request: Posting) => ('conditions' in request ? request.conditions : []);
const isOver = ({ expiresAt }: Hold, at: bigint) => expiresAt !== null && expiresAt <= at;
const lowest = ({ balance, held }: Account) => balance - held;
const highest = ({ balance, incoming }: Account) => balance + incoming;
const size = (amount: bigint) => (amount < 0n ? -amount : amount);
const total = (lines: readonly Line[]) => lines.reduce((sum, { amount }) => sum + amount, 0n);
