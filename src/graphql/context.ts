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

/** What the resolvers of one request share: the ledger, and what was read of it so far. */
export interface Context {
  readonly ledger: Ledger;
  readonly loaders: Loaders;
  readonly onFault: OnFault;
  readonly notes: RequestNotes;
  readonly budget: AnswerBudget;
}

/**
 * Told of a fault that the caller only sees as INTERNAL or UNAVAILABLE, and under which id the ledger has told of it, where it
 * has. Answers the request's id, under which the log has it.
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

/** What a write leaves behind in its request, whatever its answer. */
export function settle<Answer extends Settled>(context: Context, answer: Answer): Answer {
  // The links of the answer are live, also where an earlier field of the request has read them.
  context.loaders.clear();
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
export async function getAccount({ loaders: { accounts } }: Context, id: Uuid): Promise<Account> {
  const account = await accounts.load(id);
  if (account === null) throw new TypeError(`the books name the account ${id}, and have none`);
  return account;
}

/** A transaction that the books name. */
export async function getTransaction({ loaders: { transactions } }: Context, id: Uuid): Promise<Transaction> {
  const transaction = await transactions.load(id);
  if (transaction === null) throw new TypeError(`the books name the transaction ${id}, and have none`);
  return transaction;
}

/** A hold that the books name. */
export async function getHold({ loaders: { holds } }: Context, id: Uuid): Promise<Hold> {
  const hold = await holds.load(id);
  if (hold === null) throw new TypeError(`the books name the hold ${id}, and have none`);
  return hold;
}
