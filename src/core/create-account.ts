import type { Side } from './account.ts';
import { canonicalText } from './chain.ts';
import { differingFields, digestRequest, type Request } from './decide/command.ts';
import { type Refusal, refuse } from './errors.ts';
import type { Currency } from './values/currency.ts';
import type { Uuid } from './values/ids.ts';
import { checkLimits, type LimitInput, limitText, readLimits, toMinorLimits } from './values/limit.ts';
import type { Decimal, Money } from './values/money.ts';
import { checkMetadata, checkName, Malformed, type Metadata } from './values/text.ts';

/** What createAccount takes, as the API does. null and undefined both mean absent. */
export interface CreateAccountInput {
  readonly owner: string;
  readonly currency: string;
  readonly externalId?: string | null | undefined;
  readonly normalSide: Side;
  readonly minBalance?: LimitInput | null | undefined;
  readonly maxBalance?: LimitInput | null | undefined;
  readonly metadata?: Metadata | Malformed | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

/** An account that a caller asks for, well formed. A limit is null where there is none. */
export interface AccountRequest {
  readonly owner: string;
  readonly currency: string;
  readonly externalId: string | null;
  readonly normalSide: Side;
  readonly minBalance: Decimal | null;
  readonly maxBalance: Decimal | null;
  readonly metadata: Metadata | null;
  readonly idempotencyKey: string | null;
  readonly request: Request;
  /** Leads to its input within the request. */
  readonly path: string;
}

/** Reads the input of createAccount. `path` leads to the input within the request. */
export function toAccountRequest(input: CreateAccountInput, path = ''): AccountRequest | Refusal {
  const { owner, currency, normalSide, externalId = null, metadata = null, idempotencyKey = null } = input;
  const wrong = (field: string, problem: string) =>
    refuse('malformedInput', { field: path + field, problem });

  const ownerProblem = checkName(owner);
  if (ownerProblem !== undefined) return wrong('owner', ownerProblem);
  const externalIdProblem = externalId === null ? undefined : checkName(externalId);
  if (externalIdProblem !== undefined) return wrong('externalId', externalIdProblem);
  const limitProblem = checkLimits(input, path);
  if (limitProblem !== undefined) return limitProblem;
  if (metadata instanceof Malformed) return wrong('metadata', metadata.problem);
  const metadataProblem = metadata === null ? undefined : checkMetadata(metadata);
  if (metadataProblem !== undefined) return wrong('metadata', metadataProblem);
  const keyProblem = idempotencyKey === null ? undefined : checkName(idempotencyKey);
  if (keyProblem !== undefined) return wrong('idempotencyKey', keyProblem);

  const limits = readLimits(input, { minBalance: ZERO, maxBalance: null }, path);
  if ('code' in limits) return limits;

  return {
    owner,
    currency,
    externalId,
    normalSide,
    ...limits,
    metadata: metadata === null || Object.keys(metadata).length === 0 ? null : metadata,
    idempotencyKey,
    request: digestRequest('ACCOUNT', [
      ['owner', owner],
      ['currency', currency],
      ['externalId', externalId],
      ['normalSide', normalSide],
      ['minBalance', limitText(limits.minBalance)],
      ['maxBalance', limitText(limits.maxBalance)],
      ['metadata', metadata === null ? null : canonicalText(metadata)],
    ]),
    path,
  };
}

/** What an account that may be made is made with: its limits in minor units. */
export interface AccountPlan {
  readonly currency: Currency;
  readonly minBalance: bigint | null;
  readonly maxBalance: bigint | null;
}

/** What stands beside accounts that are to be made, and what has become of them so far. */
export interface Registry {
  /** The ids of those of these very requests that were made before, by an attempt whose answer was lost. */
  readonly made: ReadonlySet<Uuid>;
  /** What owners' keys made, by `creationName`. */
  readonly creations: Map<string, Creation>;
  /** Who has the externalIds. */
  readonly externalIds: Map<string, Uuid>;
  readonly currencies: ReadonlyMap<string, Currency>;
}
export interface Creation {
  readonly id: Uuid;
  readonly digest: Uint8Array;
}

/** A request for an account, and the id that it would bear. */
export interface AccountOrder {
  readonly id: Uuid;
  readonly request: AccountRequest | Refusal;
}

/** What becomes of an order: an account that is to be made, one that there is, or none. */
export type OrderDecision =
  | { readonly code: 'MAKE'; readonly request: AccountRequest; readonly plan: AccountPlan }
  | { readonly code: 'SHOW'; readonly id: Uuid; readonly replayed: boolean }
  | Refusal;

/** The name of a creation in `Registry.creations`: keys are unique to their owner. Neither of the two contains NUL. */
export function creationName(owner: string, creationKey: string): string {
  return `${owner}\0${creationKey}`;
}

/** Decides orders one after the other; the registry carries what they leave, so that a later one sees it. */
export function decideOrders(registry: Registry, orders: readonly AccountOrder[]): OrderDecision[] {
  return orders.map(({ id, request }) => ('code' in request ? request : decideOrder(registry, id, request)));
}

function decideOrder(registry: Registry, id: Uuid, request: AccountRequest): OrderDecision {
  const { owner, idempotencyKey, externalId } = request;
  if (registry.made.has(id)) return { code: 'SHOW', id, replayed: false };
  const creation = idempotencyKey === null ? null : creationName(owner, idempotencyKey);
  const earlier = creation === null ? undefined : registry.creations.get(creation);
  if (earlier !== undefined) return answerAgain(request, earlier);

  const plan = planAccount(request, registry.currencies.get(request.currency));
  if ('code' in plan) return plan;
  const takenBy = externalId === null ? undefined : registry.externalIds.get(externalId);
  if (takenBy !== undefined) return refuse('externalIdTaken', { takenBy: { kind: 'account', id: takenBy } });
  const unmet = checkOpening(plan);
  if (unmet !== undefined) return unmet;

  if (creation !== null) registry.creations.set(creation, { id, digest: request.request.digest });
  if (externalId !== null) registry.externalIds.set(externalId, id);
  return { code: 'MAKE', request, plan };
}

/** What the owner's key made before: that account again, or a conflict where the request is another one. */
function answerAgain({ request }: AccountRequest, { id, digest }: Creation): OrderDecision {
  const differing = differingFields(request, digest);
  return differing.length === 0
    ? { code: 'SHOW', id, replayed: true }
    : refuse('keyUsedOtherwise', { differingFields: differing, transaction: null });
}

/** Whether an account can be made in its currency, which is undefined where the ledger has none of that code. */
function planAccount(request: AccountRequest, currency: Currency | undefined): AccountPlan | Refusal {
  if (currency === undefined) return refuse('unknownCurrency', { currency: request.currency });
  const limits = toMinorLimits<never>(request, currency, request.path);
  return 'code' in limits ? limits : { currency, ...limits };
}

/** Whether an empty account is within the limits that it is to be made with. */
function checkOpening({ currency, minBalance, maxBalance }: AccountPlan): Refusal<'LIMIT_UNMET'> | undefined {
  const unmet =
    minBalance !== null && minBalance > 0n
      ? minBalance
      : maxBalance !== null && maxBalance < 0n
        ? maxBalance
        : null;
  if (unmet === null) return undefined;
  const none: Money = { minor: 0n, currency };
  return refuse('limitUnmet', {
    limit: { minor: unmet, currency },
    balance: none,
    held: none,
    incoming: none,
  });
}

const ZERO: Decimal = { coefficient: 0n, scale: 0 };
