import type { BalanceLimitInput, CreateAccountInput } from '../../../client/index.ts';
import { readLimit } from '../../data/amount-text.ts';
import { type MetadataRow, metadataProblem, toMetadata } from '../../data/metadata.ts';

/** The values of the dialog that creates an account, as they are typed. */
export interface NewAccount {
  readonly owner: string;
  readonly currency: string;
  readonly normalSide: 'CREDIT' | 'DEBIT';
  readonly externalId: string;
  readonly lowest: 'zero' | 'amount' | 'unlimited';
  readonly lowestAmount: string;
  readonly highest: 'unlimited' | 'amount';
  readonly highestAmount: string;
  readonly metadata: readonly MetadataRow[];
}

export const EMPTY: NewAccount = {
  owner: '',
  currency: '',
  normalSide: 'CREDIT',
  externalId: '',
  lowest: 'zero',
  lowestAmount: '',
  highest: 'unlimited',
  highestAmount: '',
  metadata: [],
};

export type Problems = { readonly [Name in keyof NewAccount]?: string };

/** Returns the problems of the values, by their names: none if they can be sent. The ledger checks them again. */
export function problemsOf(values: NewAccount, exponents: ReadonlyMap<string, number>): Problems {
  const { owner, lowest, lowestAmount, highest, highestAmount, metadata } = values;
  const currency = currencyOf(values);
  const exponent = exponents.get(currency);
  const lowestProblem = lowest === 'amount' ? amountProblem(lowestAmount, currency, exponent) : undefined;
  const highestProblem = highest === 'amount' ? amountProblem(highestAmount, currency, exponent) : undefined;
  const metadataIs = metadataProblem(metadata);
  return {
    ...(owner.trim() === '' ? { owner: 'Enter the name or id of the owner.' } : {}),
    ...(currency === '' ? { currency: 'Enter the code of a currency, such as EUR.' } : {}),
    ...(lowestProblem === undefined ? {} : { lowestAmount: lowestProblem }),
    ...(highestProblem === undefined ? {} : { highestAmount: highestProblem }),
    ...(metadataIs === undefined ? {} : { metadata: metadataIs }),
  };
}

/** Returns the input of `createAccount` for values without problems. */
export function toInput(values: NewAccount): CreateAccountInput {
  const { owner, normalSide, externalId, lowest, lowestAmount, highest, highestAmount } = values;
  const metadata = toMetadata(values.metadata);
  return {
    owner: owner.trim(),
    currency: currencyOf(values),
    normalSide,
    ...(externalId.trim() === '' ? {} : { externalId: externalId.trim() }),
    ...(lowest === 'zero' ? {} : { minBalance: limitOf(lowest, lowestAmount) }),
    ...(highest === 'unlimited' ? {} : { maxBalance: limitOf(highest, highestAmount) }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
  };
}

function currencyOf({ currency }: NewAccount): string {
  return currency.trim().toUpperCase();
}

function limitOf(kind: 'amount' | 'unlimited', amount: string): BalanceLimitInput {
  if (kind === 'unlimited') return { unlimited: true };
  const read = readLimit(amount);
  return { amount: 'problem' in read ? amount.trim() : read.amount };
}

/** Without the exponent, which the session lacks for a new currency, only the form of the amount is checked. */
function amountProblem(amount: string, currency: string, exponent?: number): string | undefined {
  const read = readLimit(amount, currency, exponent);
  return 'problem' in read ? read.problem : undefined;
}
