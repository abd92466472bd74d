/** The costs that fields declare to Pothos by `complexity`. A field that declares none costs 1. */
import { MAX_ENTRIES } from '../../core/decide/request.ts';

/** A field that sends a SQL statement of its own. Links that are loaded together cost less: they share a statement. */
export const STATEMENT_COST = 1000;
/** The trial balance reads all accounts. */
export const TRIAL_BALANCE_COST = 10_000;
/** Metadata and descriptions cost more, in proportion to their maximum size. */
export const METADATA_COST = 200;
export const DESCRIPTION_COST = 5;
/** A transaction is always read with all its entries. */
export const TRANSACTION_COST = MAX_ENTRIES;
/** The assumed number of currencies of a ledger: those of ISO 4217, and some registered ones. */
export const CURRENCIES = 200;

const PAGE_SIZE = { default: 20, max: 100 };

interface PageArguments {
  readonly first?: number | null | undefined;
  readonly last?: number | null | undefined;
}

/** Returns the cost of a page of a list. An invalid size counts as the nearest valid one: the resolver rejects it. */
export function pageCost({ first, last }: PageArguments): { field: number; multiplier: number } {
  const size = first ?? last ?? PAGE_SIZE.default;
  return { field: STATEMENT_COST, multiplier: Math.max(0, Math.min(size, PAGE_SIZE.max)) };
}

/** Returns the cost of a page of a list of transactions. */
export function transactionPageCost(args: PageArguments): { field: number; multiplier: number } {
  const { field, multiplier } = pageCost(args);
  return { field: field + multiplier * TRANSACTION_COST, multiplier };
}
