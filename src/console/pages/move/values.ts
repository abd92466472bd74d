/** The values of the forms that move money, and the operations that they mean. */
import type { Account, Operation } from '../../../client/index.ts';
import { incomplete, type Problem, readAmount, withDecimals } from '../../data/amount-text.ts';
import { readLocalInstant } from '../../data/instants.ts';
import { type MetadataRow, metadataProblem, toMetadata } from '../../data/metadata.ts';
import { balancesOf, type JournalRow } from './journal-balance.ts';

export type MoveKind = 'deposit' | 'withdraw' | 'transfer' | 'hold' | 'capture' | 'void' | 'journal';

/** The typed values. Each kind uses some of them. */
export interface MoveValues {
  readonly from: string;
  readonly to: string;
  readonly amount: string;
  readonly hold: string;
  /** A capture takes all that remains. */
  readonly isWhole: boolean;
  /** A capture releases what is left. */
  readonly isFinal: boolean;
  readonly expiresAt: string;
  readonly rows: readonly JournalRow[];
  /** The account of a journal that its idempotency key belongs to. Empty: the one of the first row. */
  readonly keyAccount: string;
  readonly description: string;
  readonly externalId: string;
  readonly effectiveAt: string;
  readonly metadata: readonly MetadataRow[];
}

/** The facts that the values are read with. */
export interface MoveFacts {
  readonly exponents: ReadonlyMap<string, number>;
  /** By the ids and names that were typed, as far as they are known. */
  readonly accounts: ReadonlyMap<string, Pick<Account, 'currency' | 'externalId' | 'kind' | 'owner'>>;
  /** The currency of the hold. */
  readonly holdCurrency?: string | undefined;
  /** The viewer is restricted to the accounts of an owner. */
  readonly isRestricted: boolean;
  readonly now: Date;
}

/** The problems of the values, by the names of the fields; without problems, the operation. */
export interface ReadMove {
  readonly problems: Readonly<Record<string, Problem>>;
  readonly operation?: Operation;
  /** The amount of the operation, if it has one, with the currency if that is known. */
  readonly amount?: string;
  readonly currency?: string | undefined;
}

const MOST_HOLD_MS = 7 * 24 * 3_600_000;
const MOST_ROWS = 100;

/** Returns the values of an empty form, or of one that a link fills. */
export function initialValues(kind: MoveKind, link: URLSearchParams): MoveValues {
  const of = (name: string) => link.get(name) ?? '';
  const account = of('account');
  const from = of('from') || (kind === 'deposit' ? '' : account);
  const to = of('to') || (kind === 'deposit' ? account : '');
  const amount = of('amount');
  return {
    from,
    to,
    amount,
    hold: of('hold'),
    isWhole: amount === '',
    isFinal: true,
    expiresAt: '',
    rows: [
      { account: from, side: 'DEBIT', amount, description: '' },
      { account: to, side: 'CREDIT', amount, description: '' },
    ],
    keyAccount: '',
    description: '',
    externalId: '',
    effectiveAt: '',
    metadata: [],
  };
}

/** Reads the values of a form. The ledger checks the rest: rights, funds, limits, currencies and the states of accounts. */
export function readMove(kind: MoveKind, values: MoveValues, facts: MoveFacts): ReadMove {
  const problems: Record<string, Problem> = {};
  const account = (field: 'from' | 'to') => readAccount(problems, field, values[field]);
  const common = readCommon(kind, values, problems);
  const currency = currencyOf(kind, values, facts);
  const amount = () => {
    const read = readAmount(values.amount, currency, facts.exponents.get(currency ?? ''));
    if ('problem' in read) problems['amount'] = read;
    return 'amount' in read ? read.amount : '';
  };
  const done = (operation: Operation, moved?: string): ReadMove =>
    Object.keys(problems).length > 0
      ? { problems, currency }
      : {
          problems,
          operation,
          currency,
          ...(moved === undefined
            ? {}
            : { amount: withDecimals(moved, facts.exponents.get(currency ?? '')) }),
        };
  switch (kind) {
    case 'deposit': {
      const input = { accountId: account('to'), amount: amount(), ...common };
      return done({ deposit: input }, input.amount);
    }
    case 'withdraw': {
      const input = { accountId: account('from'), amount: amount(), ...common };
      return done({ withdraw: input }, input.amount);
    }
    case 'transfer': {
      const input = {
        fromAccountId: account('from'),
        toAccountId: account('to'),
        amount: amount(),
        ...common,
      };
      return done({ transfer: input }, input.amount);
    }
    case 'hold': {
      const expiresAt = readExpiry(values.expiresAt, facts, problems);
      const parties = { fromAccountId: account('from'), toAccountId: account('to') };
      const input = { ...parties, amount: amount(), ...(expiresAt ? { expiresAt } : {}), ...common };
      return done({ placeHold: input }, input.amount);
    }
    case 'capture': {
      const captured = values.isWhole ? undefined : amount();
      const input = { holdId: readHold(values.hold, problems), final: values.isFinal, ...common };
      return done({ captureHold: captured === undefined ? input : { ...input, amount: captured } }, captured);
    }
    case 'void':
      return done({ voidHold: { holdId: readHold(values.hold, problems), ...common } });
    case 'journal':
      return done({ post: { ...readJournal(values, facts, problems), ...common } });
  }
}

/** Returns the currency that the amount of a form is in, if it is known. */
function currencyOf(kind: MoveKind, { from, to }: MoveValues, facts: MoveFacts): string | undefined {
  if (kind === 'capture' || kind === 'void') return facts.holdCurrency;
  if (kind === 'journal') return undefined;
  const [first, second] = kind === 'deposit' ? [to, from] : [from, to];
  return (facts.accounts.get(first.trim()) ?? facts.accounts.get(second.trim()))?.currency;
}

function readAccount(problems: Record<string, Problem>, field: string, typed: string): string {
  const id = typed.trim();
  if (id === '') problems[field] = incomplete('Choose an account.');
  else if (!/^(acct_|ext:)./.test(id)) {
    problems[field] = incomplete(
      'Choose an account from the list, or enter its id, or ext: and its external id.',
    );
  }
  return id;
}

function readHold(typed: string, problems: Record<string, Problem>): string {
  const id = typed.trim();
  if (!/^(hold_|ext:)./.test(id)) {
    problems['hold'] = incomplete(
      'Choose a hold from the list, or enter its id, or ext: and its external id.',
    );
  }
  return id;
}

function readExpiry(
  typed: string,
  { isRestricted, now }: MoveFacts,
  problems: Record<string, Problem>,
): string | undefined {
  const instant = readLocalInstant(typed);
  if (instant === undefined) {
    if (isRestricted)
      problems['expiresAt'] = incomplete('Enter when the hold expires, at most 7 days from now.');
    return undefined;
  }
  const aheadMs = new Date(instant).getTime() - now.getTime();
  if (aheadMs <= 0) problems['expiresAt'] = incomplete('Enter an instant in the future.');
  else if (isRestricted && aheadMs > MOST_HOLD_MS) {
    problems['expiresAt'] = incomplete('Enter an instant at most 7 days from now.');
  }
  return instant;
}

/** Reads the fields that most operations have. Empty ones are omitted. */
function readCommon(kind: MoveKind, values: MoveValues, problems: Record<string, Problem>) {
  const description = values.description.trim();
  const externalId = values.externalId.trim();
  const effectiveAt = readLocalInstant(values.effectiveAt);
  const metadata = toMetadata(values.metadata);
  const problem = metadataProblem(values.metadata);
  // The metadata field shows its problem.
  if (problem !== undefined) problems['metadata'] = incomplete(problem);
  return {
    ...(description === '' ? {} : { description }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
    ...(kind === 'void' || externalId === '' ? {} : { externalId }),
    ...(kind === 'void' || effectiveAt === undefined ? {} : { effectiveAt }),
  };
}

function readJournal(values: MoveValues, facts: MoveFacts, problems: Record<string, Problem>) {
  const { rows, keyAccount } = values;
  const entries = rows.map(({ account, side, amount, description }, index) => {
    const accountId = readAccount(problems, `rows.${index}.account`, account);
    const currency = facts.accounts.get(accountId)?.currency;
    const read = readAmount(amount, currency, facts.exponents.get(currency ?? ''));
    if ('problem' in read) problems[`rows.${index}.amount`] = read;
    const note = description.trim();
    const text = note === '' ? {} : { description: note };
    return { accountId, side, amount: 'amount' in read ? read.amount : '', ...text };
  });
  if (rows.length < 2) problems['rows'] = incomplete('A journal has at least 2 rows. Add another one.');
  if (rows.length > MOST_ROWS) {
    problems['rows'] = incomplete(`A journal has at most ${MOST_ROWS} rows. Remove some of them.`);
  }
  const unequal = balancesOf(rows, facts).filter(({ missing }) => missing !== undefined);
  if (unequal.length > 0) {
    const currencies = unequal.map(({ currency }) => currency).join(', ');
    problems['rows'] ??= incomplete(`The debits and the credits are not equal: ${currencies}.`);
  }
  const accounts = entries.map(({ accountId }) => accountId);
  const chosen = accounts.includes(keyAccount) ? keyAccount : (accounts[0] ?? '');
  return { keyAccountId: chosen, entries };
}
