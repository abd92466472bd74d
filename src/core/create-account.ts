import { EXTERNAL_OWNER } from './access/viewer.ts';
import type { Side } from './account.ts';
import { canonicalText } from './chain.ts';
import { differingFields, digestRequest, type RequestDigest } from './decide/command.ts';
import { type Refusal, refuse } from './errors.ts';
import type { Currency } from './values/currency.ts';
import type { Uuid } from './values/ids.ts';
import { checkLimits, type LimitInput, limitText, readLimits, toMinorLimits } from './values/limit.ts';
import type { Decimal, Money } from './values/money.ts';
import { checkMetadata, checkName, Malformed, type Metadata } from './values/text.ts';

/** The input of createAccount. null and undefined both mean absent. */
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

/** A well-formed request for an account. A limit is null where there is none. */
export interface AccountRequest {
  readonly owner: string;
  readonly currency: string;
  readonly externalId: string | null;
  readonly normalSide: Side;
  readonly minBalance: Decimal | null;
  readonly maxBalance: Decimal | null;
  readonly metadata: Metadata | null;
  readonly idempotencyKey: string | null;
  readonly request: RequestDigest;
  /** The position of the input within the request. */
  readonly path: string;
}

/** Reads the input of createAccount. `path` is the position of the input within the request. */
export function toAccountRequest(input: CreateAccountInput, path = ''): AccountRequest | Refusal {
  const { owner, currency, normalSide, externalId = null, metadata = null, idempotencyKey = null } = input;
  const wrong = (field: string, problem: string) =>
    refuse('malformedInput', { field: path + field, problem });

  const ownerProblem = checkName(owner);
  if (ownerProblem !== undefined) return wrong('owner', ownerProblem);
  if (owner === EXTERNAL_OWNER) {
    return wrong('owner', `must not be ${EXTERNAL_OWNER}: these accounts belong to the ledger`);
  }
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

/** The currency and the limits, in minor units, of an account to create. */
export interface AccountPlan {
  readonly currency: Currency;
  readonly minBalance: bigint | null;
  readonly maxBalance: bigint | null;
}

/** The state that requests for accounts are decided on, and their effects so far. */
export interface Registry {
  /** The ids of accounts that an earlier attempt of these requests created, without learning that it did. */
  readonly made: ReadonlySet<Uuid>;
  /** The accounts that the owners' idempotency keys created, by `creationName`. */
  readonly creations: Map<string, Creation>;
  /** The accounts that have the externalIds of these requests. */
  readonly externalIds: Map<string, Uuid>;
  readonly currencies: ReadonlyMap<string, Currency>;
}
export interface Creation {
  readonly id: Uuid;
  readonly digest: Uint8Array;
}

/** A request for an account, and the id that the account will have. */
export interface AccountOrder {
  readonly id: Uuid;
  readonly request: AccountRequest | Refusal;
}

/** The decision on an order: create an account (MAKE), return an existing one (SHOW), or a refusal. */
export type OrderDecision =
  | { readonly code: 'MAKE'; readonly request: AccountRequest; readonly plan: AccountPlan }
  | { readonly code: 'SHOW'; readonly id: Uuid; readonly replayed: boolean }
  | Refusal;

/** Returns the key of a creation in `Registry.creations`. Idempotency keys are unique per owner. Neither text contains NUL. */
export function creationName(owner: string, creationKey: string): string {
  return `${owner}\0${creationKey}`;
}

/** Decides orders one after the other and updates the registry, so that each order sees the effects of the earlier ones. */
export function decideOrders(registry: Registry, orders: readonly AccountOrder[]): OrderDecision[] {
  return orders.map(({ id, request }) => ('code' in request ? request : decideOrder(registry, id, request)));
}

function decideOrder(registry: Registry, id: Uuid, request: AccountRequest): OrderDecision {
  const { owner, idempotencyKey, externalId } = request;
  if (registry.made.has(id)) return { code: 'SHOW', id, replayed: false };
  const creation = idempotencyKey === null ? null : creationName(owner, idempotencyKey);
  const earlier = creation === null ? undefined : registry.creations.get(creation);
  if (earlier !== undefined) return replay(request, earlier);

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

/** Returns the account that the owner's key created, or a conflict where the request is a different one. */
function replay({ request }: AccountRequest, { id, digest }: Creation): OrderDecision {
  const differing = differingFields(request, digest);
  return differing.length === 0
    ? { code: 'SHOW', id, replayed: true }
    : refuse('keyUsedOtherwise', { differingFields: differing, transaction: null });
}

/** Converts the limits to the currency, which is undefined where the ledger has none of that code. */
function planAccount(request: AccountRequest, currency: Currency | undefined): AccountPlan | Refusal {
  if (currency === undefined) return refuse('unknownCurrency', { currency: request.currency });
  const limits = toMinorLimits<never>(request, currency, request.path);
  return 'code' in limits ? limits : { currency, ...limits };
}

/** Refuses limits that an empty account does not meet. */
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
