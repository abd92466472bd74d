import type { Account } from '../core/account.ts';
import type { Hold } from '../core/hold.ts';
import type { BatchProcessed, Outcome, Transaction } from '../core/transaction.ts';
import type { Uuid } from '../core/values/ids.ts';
import type {
  AccountCreated,
  AccountsCreated,
  AccountUpdated,
  CurrencyRegistered,
  Ledger,
  PeriodClosed,
} from '../ledger/ledger.ts';
import type { RequestNotes } from './execution/request-notes.ts';
import { Loaders } from './loaders.ts';
import type { AnswerBudget } from './protection/answer-budget.ts';

/** The state that the resolvers of one request share: the ledger, and the objects loaded so far. */
export interface Context {
  readonly ledger: Ledger;
  readonly loaders: Loaders;
  readonly onFault: OnFault;
  readonly notes: RequestNotes;
  readonly budget: AnswerBudget;
}

/**
 * Called with a fault that the caller receives only as INTERNAL or UNAVAILABLE. `faultId`: the id of the ledger's own log entry, if
 * there is one. Returns the request id, under which the fault is logged.
 */
export type OnFault = (error: unknown, faultId?: string) => string;

export function createContext(
  ledger: Ledger,
  onFault: OnFault,
  notes: RequestNotes,
  budget: AnswerBudget,
): Context {
  return { ledger, loaders: new Loaders(ledger, budget), onFault, notes, budget };
}

/** Ends a write: clears the cached objects and notes the outcome. Returns the outcome. */
export function settle<Answer extends Settled>(context: Context, answer: Answer): Answer {
  // The answer links to current objects, even if an earlier field of the request has loaded them.
  context.loaders.clear();
  noteAnswer(context, answer);
  return answer;
}

/** Notes the outcome of a write, or of one operation in it, for the log and the metrics. */
export function noteAnswer({ notes, onFault }: Context, answer: Settled): void {
  notes.noteCode(answer.code);
  if (answer.code === 'INTERNAL') {
    // The ledger has logged the fault with this id. This log entry connects it to the request.
    onFault(new Error('A write failed with INTERNAL.'), answer.facts.faultId);
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

/** Returns an account that the books refer to. Throws if it does not exist. */
export async function getAccount({ loaders: { accounts } }: Context, id: Uuid): Promise<Account> {
  const account = await accounts.load(id);
  if (account === null) throw new TypeError(`the books refer to the account ${id}, which does not exist`);
  return account;
}

/** Returns a transaction that the books refer to. Throws if it does not exist. */
export async function getTransaction({ loaders: { transactions } }: Context, id: Uuid): Promise<Transaction> {
  const transaction = await transactions.load(id);
  if (transaction === null)
    throw new TypeError(`the books refer to the transaction ${id}, which does not exist`);
  return transaction;
}

/** Returns a hold that the books refer to. Throws if it does not exist. */
export async function getHold({ loaders: { holds } }: Context, id: Uuid): Promise<Hold> {
  const hold = await holds.load(id);
  if (hold === null) throw new TypeError(`the books refer to the hold ${id}, which does not exist`);
  return hold;
}
