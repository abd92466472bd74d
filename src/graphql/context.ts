import DataLoader from 'dataloader';
import type { Account } from '../core/account.ts';
import type { Hold } from '../core/hold.ts';
import { formatEntryId, type Uuid } from '../core/ids.ts';
import type { Outcome, Transaction } from '../core/transaction.ts';
import type {
  AccountCreated,
  AccountsCreated,
  AccountUpdated,
  BatchProcessed,
  CurrencyRegistered,
  EntryLine,
  EntryPlace,
  Ledger,
  PeriodClosed,
} from '../ledger/ledger.ts';
import type { RequestNotes } from './request-notes.ts';

/** What the resolvers of one request share: the ledger, and what was read of it so far. Absent rows load as null. */
export interface Context {
  readonly ledger: Ledger;
  readonly accounts: DataLoader<Uuid, Account | null>;
  readonly transactions: DataLoader<Uuid, Transaction | null>;
  /** The transactions that reverse one, oldest first. */
  readonly reversals: DataLoader<Uuid, readonly Transaction[]>;
  readonly entries: DataLoader<EntryPlace, EntryLine | null, string>;
  readonly holds: DataLoader<Uuid, Hold | null>;
  readonly onFault: OnFault;
  readonly notes: RequestNotes;
}

/**
 * Told of a fault that the caller only sees as INTERNAL or UNAVAILABLE, and under which id the ledger has told of it, where it
 * has. Answers the request's id, under which the log has it.
 */
export type OnFault = (error: unknown, faultId?: string) => string;

/** The context of one request. All rows of a kind that a level of the answer links to are read by one query. */
export function createContext(ledger: Ledger, onFault: OnFault, notes: RequestNotes): Context {
  return {
    ledger,
    onFault,
    notes,
    accounts: new DataLoader(async (ids) => {
      const found = await ledger.findAccounts(ids);
      return ids.map((id) => found.get(id) ?? null);
    }),
    transactions: new DataLoader(async (ids) => {
      const found = await ledger.findTransactions(ids);
      return ids.map((id) => found.get(id) ?? null);
    }),
    reversals: new DataLoader(async (ids) => {
      const found = await ledger.findReversals(ids);
      return ids.map((id) => found.get(id) ?? []);
    }),
    entries: new DataLoader(
      async (places) => {
        const found = new Map((await ledger.findEntries(places)).map((entry) => [nameOf(entry), entry]));
        return places.map((place) => found.get(nameOf(place)) ?? null);
      },
      { cacheKeyFn: nameOf },
    ),
    holds: new DataLoader(async (ids) => {
      const found = await ledger.findHolds(ids);
      return ids.map((id) => found.get(id) ?? null);
    }),
  };
}

/** What a write leaves behind in its request, whatever its answer. */
export function settle<Answer extends Settled>(context: Context, answer: Answer): Answer {
  // The links of the answer are live, also where an earlier field of the request has read them.
  const { accounts, transactions, reversals, entries, holds } = context;
  for (const loader of [accounts, transactions, reversals, entries, holds]) loader.clearAll();
  noteAnswer(context, answer);
  return answer;
}

/** What was answered to a write, or to one of several in it, for the log and the metrics. */
export function noteAnswer({ notes, onFault }: Context, answer: Settled): void {
  notes.noteCode(answer.code);
  if (answer.code === 'INTERNAL') {
    // The ledger has told of the fault under this id; here is told whose it was.
    onFault(new Error('A write was answered INTERNAL.'), answer.facts.faultId);
  }
}

type Settled =
  | Outcome
  | AccountCreated
  | AccountsCreated
  | BatchProcessed
  | AccountUpdated
  | CurrencyRegistered
  | PeriodClosed;

/** An account that the books name. */
export async function getAccount({ accounts }: Context, id: Uuid): Promise<Account> {
  const account = await accounts.load(id);
  if (account === null) throw new TypeError(`the books name the account ${id}, and have none`);
  return account;
}

/** A transaction that the books name. */
export async function getTransaction({ transactions }: Context, id: Uuid): Promise<Transaction> {
  const transaction = await transactions.load(id);
  if (transaction === null) throw new TypeError(`the books name the transaction ${id}, and have none`);
  return transaction;
}

/** A hold that the books name. */
export async function getHold({ holds }: Context, id: Uuid): Promise<Hold> {
  const hold = await holds.load(id);
  if (hold === null) throw new TypeError(`the books name the hold ${id}, and have none`);
  return hold;
}

function nameOf({ accountId, version }: EntryPlace): string {
  return formatEntryId(accountId, version);
}
