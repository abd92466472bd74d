import { uuidv7 } from 'uuidv7';
import type { Account } from '../core/account.ts';
import { differingFields } from '../core/command.ts';
import { type AccountRequest, checkOpening, planAccount } from '../core/create-account.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import type { Uuid } from '../core/ids.ts';
import { findAccountIds, findAccounts, findCreation, insertAccount } from '../db/accounts.ts';
import type { Database } from '../db/database.ts';
import type { Currencies } from './currencies.ts';
import { untilAnswered } from './failures.ts';

export interface AccountCreated {
  readonly code: 'CREATED';
  readonly account: Account;
  /** The owner's key had made it before; the account is shown as it is now. */
  readonly replayed: boolean;
}

interface Context {
  readonly db: Database;
  readonly ledgerId: Uuid;
  readonly currencies: Currencies;
}

/**
 * Makes an account, and with the first one of a currency the ledger's external account beside it. It only inserts, so that
 * it needs no place on the road of the writes that move money. The id is made first: whatever becomes of a COMMIT, an
 * account that bears it is this request's.
 */
export function createAccount(context: Context, request: AccountRequest): Promise<AccountCreated | Refusal> {
  const id = uuidv7();
  return untilAnswered(async (attempt) => {
    const made = attempt === 1 ? undefined : await findAccount(context, id);
    return made === undefined ? makeAccount(context, request, id) : created(made);
  });
}

async function makeAccount(
  context: Context,
  request: AccountRequest,
  id: Uuid,
): Promise<AccountCreated | Refusal> {
  const { db, ledgerId, currencies } = context;
  const earlier = await findEarlier(context, request);
  if (earlier !== undefined) return earlier;

  const plan = planAccount(request, await currencies.find(request.currency));
  if ('code' in plan) return plan;
  const taken = await findNamesake(context, request);
  if (taken !== undefined) return taken;
  const unmet = checkOpening(plan);
  if (unmet !== undefined) return unmet;

  const account = await db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (trx) => {
      await insertAccount(
        trx,
        ledgerId,
        { ...EXTERNAL, id: uuidv7(), currency: request.currency },
        currencies.of,
      );
      const standard = {
        ...plan,
        id,
        owner: request.owner,
        kind: 'STANDARD',
        currency: request.currency,
        externalId: request.externalId,
        normalSide: request.normalSide,
        metadata: request.metadata,
        creationKey: request.idempotencyKey,
        creationDigest: request.idempotencyKey === null ? null : request.request.digest,
      } as const;
      return insertAccount(trx, ledgerId, standard, currencies.of);
    });
  // Who lost a race for a key or a name looks again, and sees the winner.
  return account === undefined ? makeAccount(context, request, id) : created(account);
}

/** Where deposits come from and withdrawals go to, one a currency. */
const EXTERNAL = {
  owner: 'external',
  kind: 'EXTERNAL',
  normalSide: 'DEBIT',
  externalId: null,
  minBalance: null,
  maxBalance: null,
  metadata: null,
  creationKey: null,
  creationDigest: null,
} as const;

/** What the owner's key made before: that account again, or a conflict where the request is another one. */
async function findEarlier(context: Context, { owner, idempotencyKey, request }: AccountRequest) {
  if (idempotencyKey === null) return undefined;
  const earlier = await findCreation(context.db, context.ledgerId, owner, idempotencyKey);
  if (earlier === undefined) return undefined;
  const differing = differingFields(request, earlier.digest);
  if (differing.length > 0)
    return refuse('keyUsedOtherwise', { differingFields: differing, transaction: null });
  const account = await findAccount(context, earlier.id);
  return account === undefined ? undefined : created(account, true);
}

async function findNamesake({ db, ledgerId }: Context, { externalId }: AccountRequest) {
  if (externalId === null) return undefined;
  const id = (await findAccountIds(db, ledgerId, [externalId])).get(externalId);
  return id === undefined ? undefined : refuse('externalIdTaken', { takenBy: { kind: 'account', id } });
}

async function findAccount({ db, ledgerId, currencies }: Context, id: Uuid): Promise<Account | undefined> {
  const [account] = await currencies.reading(() => findAccounts(db, ledgerId, [id], currencies.of));
  return account;
}

function created(account: Account, replayed = false): AccountCreated {
  return { code: 'CREATED', account, replayed };
}
