import { type FieldNode, type GraphQLResolveInfo, Kind } from 'graphql';
import type { Actor, Viewer } from '../core/access/viewer.ts';
import type { Account } from '../core/account.ts';
import type { Hold } from '../core/hold.ts';
import type { BatchProcessed, Outcome, Transaction } from '../core/transaction.ts';
import type { Uuid } from '../core/values/ids.ts';
import type {
  AccountCreated,
  AccountsCreated,
  AccountUpdated,
  ApiKeyCreated,
  ApiKeyRevoked,
  CurrencyRegistered,
  Ledger,
  LedgerCreated,
  LedgerState,
  Party,
  PeriodClosed,
} from '../ledger/ledger.ts';
import type { RequestNotes } from './execution/request-notes.ts';
import { Loaders } from './loaders.ts';
import type { AnswerBudget } from './protection/answer-budget.ts';

/** The state that the resolvers of one request share: the ledger for its caller, and the objects loaded so far. */
export interface Context {
  readonly ledger: Ledger;
  readonly viewer: Viewer;
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
  of: Ledger,
  onFault: OnFault,
  notes: RequestNotes,
  budget: AnswerBudget,
  viewer: Viewer,
): Context {
  const ledger = of.as(viewer);
  return { ledger, viewer, loaders: new Loaders(ledger, viewer, budget), onFault, notes, budget };
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
  | PeriodClosed
  | LedgerCreated
  | ApiKeyCreated
  | ApiKeyRevoked;

/** Returns an account that the books refer to; only its id, if `info` selects nothing else. Fails if it does not exist. */
export function getAccount(context: Context, id: Uuid, info?: GraphQLResolveInfo): Awaitable<Account> {
  return selectsOnlyId(info) ? ({ id } as Account) : loadExisting('account', context.loaders.accounts, id);
}

/** Returns an account, as `getAccount` does; null if the viewer may not read it. */
export function getVisibleAccount(
  context: Context,
  id: Uuid,
  info: GraphQLResolveInfo,
): Awaitable<Account | null> {
  return context.viewer.owner === null ? getAccount(context, id, info) : context.loaders.accounts.load(id);
}

/** Returns a transaction, as `getAccount` does. */
export function getTransaction(
  context: Context,
  id: Uuid,
  info?: GraphQLResolveInfo,
): Awaitable<Transaction> {
  return selectsOnlyId(info)
    ? ({ id } as Transaction)
    : loadExisting('transaction', context.loaders.transactions, id);
}

/** Returns a hold, as `getAccount` does. */
export function getHold(context: Context, id: Uuid, info?: GraphQLResolveInfo): Awaitable<Hold> {
  return selectsOnlyId(info) ? ({ id } as Hold) : loadExisting('hold', context.loaders.holds, id);
}

/** Returns the parties of a transaction, or of the hold that it placed, which has the same id. Fails if it does not exist. */
export function getParties({ loaders }: Context, transactionId: Uuid): Promise<readonly Party[]> {
  return loadExisting('transaction', loaders.parties, transactionId);
}

/** Returns the actor that a record names, as `getAccount` does. `id`: null where the record names none. */
export function getActor(
  context: Context,
  id: Uuid | null,
  info?: GraphQLResolveInfo,
): Awaitable<Actor | null> {
  if (id === null) return null;
  const { actor } = context.viewer;
  if (id === actor?.id) return actor;
  return selectsOnlyId(info) ? ({ id } as Actor) : loadExisting('actor', context.loaders.actors, id);
}

/** Returns the ledger of a state that the viewer may read: that of the request or, with a credential for all ledgers, another one. */
export async function getLedger(
  { ledger, viewer }: Context,
  { id, name }: Pick<LedgerState, 'id' | 'name'>,
): Promise<Ledger> {
  const found = id === ledger.id ? ledger : (await ledger.engine.ledger(name))?.as(viewer);
  if (found === undefined) throw new TypeError(`the ledger ${name} does not exist`);
  return found;
}

export type Awaitable<T> = T | Promise<T>;

async function loadExisting<T>(
  kind: string,
  loader: { load(id: Uuid): Promise<T | null> },
  id: Uuid,
): Promise<T> {
  const row = await loader.load(id);
  if (row === null) throw new TypeError(`the books refer to the ${kind} ${id}, which does not exist`);
  return row;
}

/** By field: whether it selects nothing but the id of its object. */
const idOnly = new WeakMap<FieldNode, boolean>();

/** Returns whether nothing but the id of a field's object is selected, so that the object need not be read. */
function selectsOnlyId(info: GraphQLResolveInfo | undefined): boolean {
  if (info === undefined) return false;
  return info.fieldNodes.every((node) => {
    const known = idOnly.get(node);
    if (known !== undefined) return known;
    const selections = node.selectionSet?.selections ?? [];
    const isOnly = selections.every(
      (selection) => selection.kind === Kind.FIELD && ['id', '__typename'].includes(selection.name.value),
    );
    idOnly.set(node, isOnly);
    return isOnly;
  });
}
