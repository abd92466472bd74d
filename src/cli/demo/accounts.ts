import type { CreateAccountInput } from '../../core/create-account.ts';
import { type CurrencyCode, MERCHANTS } from './catalogue.ts';
import { CUSTOMERS, EMPLOYEES } from './people.ts';

/** An account that the demo creates. */
export type PlannedAccount = CreateAccountInput & { readonly externalId: string };

/** The name of the marketplace: the owner of the accounts below. */
const PLATFORM = 'Marketplace';

/** The accounts of the marketplace by the part that they play. */
export const BOOKS = {
  capital: 'capital',
  fees: { EUR: 'platform-fees-eur', USD: 'platform-fees-usd' },
  vat: { EUR: 'vat-payable-eur', USD: 'sales-tax-payable-usd' },
  payouts: { EUR: 'payouts-clearing-eur', USD: 'payouts-clearing-usd' },
  desk: { EUR: 'exchange-desk-eur', USD: 'exchange-desk-usd' },
  promotions: 'promotions-eur',
  suppliers: 'suppliers-payable-eur',
  wageTax: 'wage-tax-payable-eur',
  social: 'social-insurance-payable-eur',
  salaries: 'expense-salaries-eur',
  hosting: 'expense-hosting-eur',
  processing: 'expense-card-processing-eur',
  rent: 'expense-rent-eur',
  marketing: 'expense-marketing-eur',
} as const;

/** The accounts whose balance grows by debits. */
export const EXPENSES: ReadonlySet<string> = new Set([
  BOOKS.salaries,
  BOOKS.hosting,
  BOOKS.processing,
  BOOKS.rent,
  BOOKS.marketing,
]);

/** The wallet of a customer whose identity is not verified. It holds at most 1,000.00 until that changes. */
export const UNVERIFIED = 'customer-omar';
export const UNVERIFIED_LIMIT = 100_000n;

/** Returns the accounts that exist from the beginning, each with an externalId. */
export function planAccounts(): PlannedAccount[] {
  const wallet = (owner: string, externalId: string, currency: CurrencyCode): PlannedAccount => ({
    owner,
    externalId,
    currency,
    normalSide: 'CREDIT',
    metadata: { kind: 'customer' },
    ...(externalId === UNVERIFIED ? { maxBalance: { amount: '1000.00' } } : {}),
  });
  return [
    ...platformAccounts(),
    ...EMPLOYEES.map(({ account, name }) => ({
      ...wallet(name, account, 'EUR'),
      metadata: { kind: 'employee' },
    })),
    ...MERCHANTS.map(({ account, name, currency }) => ({
      ...wallet(name, account, currency),
      metadata: { kind: 'merchant', commission: '8 %' },
    })),
    ...CUSTOMERS.flatMap(({ name, wallet: euros, dollarWallet }) => [
      wallet(name, euros, 'EUR'),
      ...(dollarWallet === null ? [] : [wallet(name, dollarWallet, 'USD')]),
    ]),
  ];
}

function platformAccounts(): PlannedAccount[] {
  const names = Object.values(BOOKS).flatMap((name) =>
    typeof name === 'string' ? name : Object.values(name),
  );
  return names.map((externalId) => ({
    owner: PLATFORM,
    externalId,
    currency: externalId.endsWith('-usd') ? 'USD' : 'EUR',
    normalSide: EXPENSES.has(externalId) ? 'DEBIT' : 'CREDIT',
    metadata: { kind: 'platform' },
  }));
}
