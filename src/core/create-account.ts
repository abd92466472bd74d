import type { Side } from './account.ts';
import { canonicalText } from './chain.ts';
import { digestRequest, type Request } from './command.ts';
import type { Currency } from './currency.ts';
import { type Refusal, refuse } from './errors.ts';
import { type Decimal, type Money, parseDecimal, shortestDecimal, toMinor } from './money.ts';
import { checkMetadata, checkName, Malformed, type Metadata } from './text.ts';

/** A limit on the balance: an amount, or none. Exactly one of the two is given, and `unlimited` is true. */
export interface LimitInput {
  readonly amount?: string | Malformed | null | undefined;
  readonly unlimited?: boolean | null | undefined;
}

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
  for (const field of ['minBalance', 'maxBalance'] as const) {
    if (input[field]?.unlimited === false) return wrong(`${field}.unlimited`, 'must be true, or be absent');
  }
  if (metadata instanceof Malformed) return wrong('metadata', metadata.problem);
  const metadataProblem = metadata === null ? undefined : checkMetadata(metadata);
  if (metadataProblem !== undefined) return wrong('metadata', metadataProblem);
  const keyProblem = idempotencyKey === null ? undefined : checkName(idempotencyKey);
  if (keyProblem !== undefined) return wrong('idempotencyKey', keyProblem);

  const minBalance = readLimit(input.minBalance, ZERO);
  if (minBalance instanceof Malformed) return wrongAmount(`${path}minBalance.amount`, minBalance);
  const maxBalance = readLimit(input.maxBalance, null);
  if (maxBalance instanceof Malformed) return wrongAmount(`${path}maxBalance.amount`, maxBalance);

  return {
    owner,
    currency,
    externalId,
    normalSide,
    minBalance,
    maxBalance,
    metadata: metadata === null || Object.keys(metadata).length === 0 ? null : metadata,
    idempotencyKey,
    request: digestRequest('ACCOUNT', [
      ['owner', owner],
      ['currency', currency],
      ['externalId', externalId],
      ['normalSide', normalSide],
      ['minBalance', limitText(minBalance)],
      ['maxBalance', limitText(maxBalance)],
      ['metadata', metadata === null ? null : canonicalText(metadata)],
    ]),
  };
}

/** What an account that may be made is made with: its limits in minor units. */
export interface AccountPlan {
  readonly currency: Currency;
  readonly minBalance: bigint | null;
  readonly maxBalance: bigint | null;
}

/** Decides whether an account can be made in its currency; `currency` is undefined where the ledger has none of that code. */
export function planAccount(
  request: AccountRequest,
  currency: Currency | undefined,
  path = '',
): AccountPlan | Refusal {
  if (currency === undefined) return refuse('unknownCurrency', { currency: request.currency });
  const minBalance = request.minBalance === null ? null : toMinor(request.minBalance, currency);
  if (minBalance instanceof Malformed) return unfitAmount(`${path}minBalance.amount`, minBalance);
  const maxBalance = request.maxBalance === null ? null : toMinor(request.maxBalance, currency);
  if (maxBalance instanceof Malformed) return unfitAmount(`${path}maxBalance.amount`, maxBalance);
  return { currency, minBalance, maxBalance };
}

/** Decides whether an empty account is within the limits that it is to be made with. */
export function checkOpening({
  currency,
  minBalance,
  maxBalance,
}: AccountPlan): Refusal<'LIMIT_UNMET'> | undefined {
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

function readLimit(limit: LimitInput | null | undefined, absent: Decimal | null): Decimal | null | Malformed {
  if (limit === null || limit === undefined) return absent;
  const { amount } = limit;
  if (amount === null || amount === undefined) return null;
  return amount instanceof Malformed ? amount : parseDecimal(amount, { signed: true });
}

function limitText(limit: Decimal | null): string {
  return limit === null ? 'unlimited' : shortestDecimal(limit);
}

function wrongAmount(field: string, { problem }: Malformed): Refusal {
  return refuse('malformedAmount', { field, problem });
}

function unfitAmount(field: string, { problem }: Malformed): Refusal {
  return refuse('amountUnfit', { field, problem });
}
