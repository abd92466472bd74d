/** Reads the values of a form that moves money as an operation. */
import type { Operation } from '../../../client/index.ts';
import { type Problem, readAmount, withDecimals } from '../../data/amount-text.ts';
import {
  type MoveFacts,
  type Problems,
  readAccount,
  readCommon,
  readExpiry,
  readHold,
} from './read-fields.ts';
import { readJournal } from './read-journal.ts';
import type { MoveKind, MoveValues } from './values.ts';

/** The problems of the values, by the names of the fields; without problems, the operation. */
export interface ReadMove {
  readonly problems: Readonly<Record<string, Problem>>;
  readonly operation?: Operation;
  /** The amount of the operation, if it has one, with the currency if that is known. */
  readonly amount?: string;
  readonly currency?: string | undefined;
}

/** Reads the values of a form. The ledger checks the rest: rights, funds, limits, currencies and the states of accounts. */
export function readMove(kind: MoveKind, values: MoveValues, facts: MoveFacts): ReadMove {
  const problems: Problems = {};
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
