import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Side } from '../account.ts';
import { type Refusal, refuse } from '../errors.ts';
import type { TransactionType } from '../transaction.ts';
import { EXTERNAL_ID_MARK, parseId, type Uuid } from '../values/ids.ts';
import type { Instant } from '../values/instant.ts';
import type { Decimal } from '../values/money.ts';
import { checkName, type Metadata } from '../values/text.ts';

/**
 * How a caller names an account, a hold or a transaction: by its public id, by its externalId, or by a text that can be neither
 * (`nothing`).
 */
export type Name =
  | { readonly by: 'id'; readonly given: string; readonly id: Uuid }
  | { readonly by: 'externalId'; readonly given: string; readonly externalId: string }
  | { readonly by: 'nothing'; readonly given: string };

/** One future entry. `EXTERNAL`: the ledger's external account of the key account's currency. */
export interface Leg {
  readonly account: Name | 'EXTERNAL';
  readonly side: Side;
  readonly amount: Decimal;
  readonly description: string | null;
}

/** A condition on an account: the command is posted only if it holds. A bound that is null is not checked. */
export interface Condition {
  readonly account: Name;
  /** The account's version before the command. */
  readonly expectedVersion: bigint | null;
  /** Bounds on the balances after the command, on the account's normal side. */
  readonly balanceAtLeast: Decimal | null;
  readonly balanceAtMost: Decimal | null;
  readonly availableAtLeast: Decimal | null;
}

/** The hold or transaction that a command captures, releases or reverses. */
export interface TargetName {
  readonly kind: 'hold' | 'transaction';
  readonly name: Name;
}

/** The value of a request's field, as it enters the digest. A name is replaced by the id that it resolves to. */
export type FieldValue = string | null | Name | readonly FieldValue[];

/** A well-formed request. Its names are not resolved yet. */
export interface Command {
  readonly type: TransactionType;
  /** The account that the idempotency key belongs to; null: the target's key account. */
  readonly keyAccount: Name | null;
  /** null: a command of the ledger itself. */
  readonly idempotencyKey: string | null;
  readonly externalId: string | null;
  readonly description: string | null;
  readonly metadata: Metadata | null;
  readonly effectiveAt: Instant | null;
  /** In the order of the entries. Empty for a command with a target: its entries follow from the target's. */
  readonly legs: readonly Leg[];
  readonly conditions: readonly Condition[];
  /** When a hold expires; null: never. */
  readonly expiresAt: Instant | null;
  /**
   * Whether the caller is restricted to an owner. Then the money stays in the ledger, and a refusal of another account than the key
   * account's comes last.
   */
  readonly isRestricted: boolean;
  readonly target: TargetName | null;
  /** The amount of a partial capture or reversal; null: everything that remains. */
  readonly part: Decimal | null;
  /** Whether a capture releases the remainder of its hold. */
  readonly final: boolean;
  /** The values that identify the request, by the names of the input's fields. */
  readonly fields: readonly (readonly [name: string, value: FieldValue])[];
}

/** A command whose names are resolved: the input of `decide`. An id is undefined where a name resolves to nothing. */
export interface PlannedCommand
  extends Omit<Command, 'keyAccount' | 'legs' | 'conditions' | 'target' | 'fields'> {
  readonly keyAccount: { readonly id: Uuid; readonly given: string };
  readonly legs: readonly PlannedLeg[];
  readonly conditions: readonly PlannedCondition[];
  readonly target: (Pick<Target, 'id' | 'pending'> & { readonly kind: TargetName['kind'] }) | null;
  /** The caller. Null: the caller needed no credential, or the command is the ledger's own. */
  readonly actor: Uuid | null;
  /** Every account that the command names or that its target moved, possibly twice. All of them are locked. */
  readonly accounts: readonly Uuid[];
  readonly request: RequestDigest;
  /** The salt of the digests of the command's descriptions and metadata; null where it has none. */
  readonly salt: Uint8Array | null;
  /** Ids that were generated for this command. A recorded outcome with one of them is the effect of this command, not a replay. */
  readonly madeIds: Set<Uuid>;
}
interface PlannedName {
  readonly id: Uuid | undefined;
  readonly given: string;
}
export interface PlannedLeg extends Omit<Leg, 'account'> {
  readonly account: PlannedName;
}
export interface PlannedCondition extends Omit<Condition, 'account'> {
  readonly account: PlannedName;
}

/** The immutable properties of a hold or transaction. They can be read before any lock. */
export interface Target {
  readonly id: Uuid;
  readonly keyAccountId: Uuid;
  readonly accounts: readonly Uuid[];
  /** Set where an earlier command of the same batch creates the target: its externalId. The target has no id yet. */
  readonly pending?: string;
}

/**
 * The digest of a request and the names of its fields. The first 16 bytes decide whether another request is the same; 4 more bytes
 * per field show which fields differ.
 */
export interface RequestDigest {
  readonly fields: readonly string[];
  readonly digest: Buffer;
}

/** The look-ups that resolve the names of a command. */
export interface LookUp {
  readonly account: (name: Name) => Uuid | undefined;
  /** The external account of the key account's currency. */
  readonly external: (keyAccountId: Uuid) => Uuid | undefined;
  readonly target: (target: TargetName) => Target | undefined;
  readonly salt: () => Uint8Array;
}

/**
 * Resolves the names of a command. Refuses it (step 3) where its target, or the `ext:` name of its key account, does not exist. An id
 * of no account is refused by `decide`. `actor`: the caller; a command of the ledger itself has none.
 */
export function plan(command: Command, lookUp: LookUp, actor: Uuid | null): PlannedCommand | Refusal {
  const { keyAccount, target: targetName } = command;
  const target = targetName === null ? undefined : lookUp.target(targetName);
  if (targetName !== null && target === undefined) return targetNotFound(targetName);
  const keyAccountId = keyAccount === null ? target?.keyAccountId : lookUp.account(keyAccount);
  if (keyAccountId === undefined) {
    return refuse('keyAccountNotFound', { accountId: keyAccount?.given ?? '' });
  }
  const given = keyAccount?.given ?? '';
  const planName = (name: Name): PlannedName => ({ id: lookUp.account(name), given: name.given });
  const legs = command.legs.map(({ account, side, amount, description }): PlannedLeg => {
    const planned = account === 'EXTERNAL' ? { id: lookUp.external(keyAccountId), given } : planName(account);
    return { account: planned, side, amount, description };
  });
  const conditions = command.conditions.map(
    (condition): PlannedCondition => ({ ...condition, account: planName(condition.account) }),
  );
  const accounts = [keyAccountId];
  for (const { account } of legs) if (account.id !== undefined) accounts.push(account.id);
  for (const { account } of conditions) if (account.id !== undefined) accounts.push(account.id);
  if (target !== undefined) accounts.push(...target.accounts);
  const targetId = target?.pending === undefined ? target?.id : undefined;
  const idOf = (name: Name) => (name === targetName?.name ? targetId : lookUp.account(name));
  return {
    ...command,
    keyAccount: { id: keyAccountId, given },
    legs,
    conditions,
    target: targetName === null || target === undefined ? null : { ...target, kind: targetName.kind },
    actor: command.idempotencyKey === null ? null : actor,
    accounts,
    request: digestRequest(
      command.type,
      command.fields.map(([name, value]) => [name, fieldText(value, idOf)]),
    ),
    salt: hasTexts(command) ? lookUp.salt() : null,
    madeIds: new Set(),
  };
}

/** Reads how a caller names an account. */
export function nameAccount(given: string): Name {
  return nameOfKind('account', given);
}

/** Reads how a caller names a hold or a transaction. A hold has the externalId of the transaction that placed it. */
export function nameTarget(kind: TargetName['kind'], given: string): TargetName {
  return { kind, name: nameOfKind(kind, given) };
}

function nameOfKind(kind: 'account' | TargetName['kind'], given: string): Name {
  if (given.startsWith(EXTERNAL_ID_MARK)) {
    const externalId = given.slice(EXTERNAL_ID_MARK.length);
    return checkName(externalId) === undefined
      ? { by: 'externalId', given, externalId }
      : { by: 'nothing', given };
  }
  const id = parseId(kind, given);
  return id === undefined ? { by: 'nothing', given } : { by: 'id', given, id };
}

function targetNotFound({ kind, name: { given } }: TargetName): Refusal {
  return kind === 'hold'
    ? refuse('holdNotFound', { holdId: given })
    : refuse('transactionNotFound', { transactionId: given });
}

function hasTexts({ description, metadata, legs }: Command): boolean {
  return description !== null || metadata !== null || legs.some((leg) => leg.description !== null);
}

type IdOf = (name: Name) => Uuid | undefined;

function fieldText(value: FieldValue, idOf: IdOf): string | null {
  const resolved = resolveField(value, idOf);
  return resolved === null || typeof resolved === 'string' ? resolved : JSON.stringify(resolved);
}

type ResolvedField = string | null | readonly ResolvedField[];

function resolveField(value: FieldValue, idOf: IdOf): ResolvedField {
  if (value === null || typeof value === 'string') return value;
  // A name that resolves to nothing differs from every id.
  return 'given' in value
    ? (idOf(value) ?? `? ${value.given}`)
    : value.map((each) => resolveField(each, idOf));
}

/**
 * Returns the digest of a request's kind and fields. Absent fields do not enter it, so that a field that is added to an input
 * later changes no recorded digest. For the same reason, fields may only be added at the end.
 */
export function digestRequest(
  kind: string,
  fields: readonly (readonly [name: string, value: string | null])[],
): RequestDigest {
  const names: string[] = [];
  const present: (readonly [string, string])[] = [];
  const digest = Buffer.allocUnsafe(16 + 4 * fields.length).fill(0);
  for (const [place, [name, value]] of fields.entries()) {
    names.push(name);
    if (value === null) continue;
    present.push([name, value]);
    digest.writeUInt32BE(crc32(value), 16 + 4 * place);
  }
  digest.write(hash('sha256', JSON.stringify([kind, present]), 'binary'), 0, 16, 'binary');
  return { fields: names, digest };
}

/** Returns the names of the fields in which a request differs from a recorded one of the same kind; empty: they are the same. */
export function differingFields({ fields, digest }: RequestDigest, recorded: Uint8Array): string[] {
  if (digest.compare(recorded, 0, 16, 0, 16) === 0) return [];
  const names = fields.filter((_, place) => {
    const start = 16 + 4 * place;
    // A digest recorded before the field existed is shorter. There the field counts as absent, which is zero.
    const before = recorded.subarray(start, start + 4);
    return digest.compare(before.length === 4 ? before : ABSENT, 0, 4, start, start + 4) !== 0;
  });
  // The 4 bytes of different values are equal once in 2^32 cases. Then every field may be the one that differs.
  return names.length > 0 ? names : [...fields];
}
const ABSENT = Buffer.alloc(4);
