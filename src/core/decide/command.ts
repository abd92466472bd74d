import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Side } from '../account.ts';
import { type Refusal, refuse } from '../errors.ts';
import type { TransactionType } from '../transaction.ts';
import type { Uuid } from '../values/ids.ts';
import type { Instant } from '../values/instant.ts';
import type { Decimal } from '../values/money.ts';
import type { Metadata } from '../values/text.ts';

/** How a caller names an account, a hold or a transaction: by its public id, by the caller's own name, or by what can be neither. */
export type Name =
  | { readonly by: 'id'; readonly given: string; readonly id: Uuid }
  | { readonly by: 'externalId'; readonly given: string; readonly externalId: string }
  | { readonly by: 'nothing'; readonly given: string };

/** One side of a movement. `EXTERNAL`: the ledger's external account of the key account's currency. */
export interface Leg {
  readonly account: Name | 'EXTERNAL';
  readonly side: Side;
  readonly amount: Decimal;
  readonly description: string | null;
}

/** What an account must be like for a command to be posted; what is null does not matter. */
export interface Condition {
  readonly account: Name;
  /** As the command finds the account. */
  readonly expectedVersion: bigint | null;
  /** As the command leaves it, on its normal side. */
  readonly balanceAtLeast: Decimal | null;
  readonly balanceAtMost: Decimal | null;
  readonly availableAtLeast: Decimal | null;
}

/** A hold or a transaction that a command ends, moves on or reverses. */
export interface TargetName {
  readonly kind: 'hold' | 'transaction';
  readonly name: Name;
}

/** What makes two requests the same; a name enters as the id that it stands for. */
export type FieldValue = string | null | Name | readonly FieldValue[];

/** What a caller asks, well formed but not yet looked at beside the books. */
export interface Command {
  readonly type: TransactionType;
  /** Whose key it is; null: the target's key account. */
  readonly keyAccount: Name | null;
  /** null: the ledger's own act. */
  readonly idempotencyKey: string | null;
  readonly externalId: string | null;
  readonly description: string | null;
  readonly metadata: Metadata | null;
  readonly effectiveAt: Instant | null;
  /** In the order of its entries; none where it has a target, whose entries say what moves. */
  readonly legs: readonly Leg[];
  readonly conditions: readonly Condition[];
  /** Of a hold; null: never. */
  readonly expiresAt: Instant | null;
  readonly target: TargetName | null;
  /** How much of the target; null: all that is left. */
  readonly part: Decimal | null;
  /** Whether a capture releases what it leaves. */
  readonly final: boolean;
  /** By the names of the input's fields. */
  readonly fields: readonly (readonly [name: string, value: FieldValue])[];
}

/** A command whose names were looked up: what `decide` takes. An id is undefined where a name stands for nothing. */
export interface PlannedCommand
  extends Omit<Command, 'keyAccount' | 'legs' | 'conditions' | 'target' | 'fields'> {
  readonly keyAccount: { readonly id: Uuid; readonly given: string };
  readonly legs: readonly PlannedLeg[];
  readonly conditions: readonly PlannedCondition[];
  readonly target: (Pick<Target, 'id' | 'pending'> & { readonly kind: TargetName['kind'] }) | null;
  /** Every account that it names, or that its target moved: they are locked. */
  readonly accounts: readonly Uuid[];
  readonly request: Request;
  /** Salts the digests of the command's texts; null where it has none. */
  readonly salt: Uint8Array | null;
  /** Ids that were made for this very command: a recorded outcome that bears one of them is this command's own effect. */
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

/** What of a hold or a transaction never changes, and is known before any lock. */
export interface Target {
  readonly id: Uuid;
  readonly keyAccountId: Uuid;
  readonly accounts: readonly Uuid[];
  /** An earlier command of the same batch makes it under this externalId: it has no id yet, and none enters the request. */
  readonly pending?: string;
}

/** What a request is remembered by: 16 bytes that decide whether another is the same, and 4 bytes a field that name where they differ. */
export interface Request {
  readonly fields: readonly string[];
  readonly digest: Buffer;
}

/** What the names of a command stand for. */
export interface LookUp {
  readonly account: (name: Name) => Uuid | undefined;
  /** The external account of the key account's currency. */
  readonly external: (keyAccountId: Uuid) => Uuid | undefined;
  readonly target: (target: TargetName) => Target | undefined;
  readonly salt: () => Uint8Array;
}

/** The command with its names looked up, or the refusal of step 3 where what its key belongs to is not there. */
export function plan(command: Command, lookUp: LookUp): PlannedCommand | Refusal {
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
    accounts,
    request: digestRequest(
      command.type,
      command.fields.map(([name, value]) => [name, fieldText(value, idOf)]),
    ),
    salt: hasTexts(command) ? lookUp.salt() : null,
    madeIds: new Set(),
  };
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
  // A name or id that stands for nothing differs from every id.
  return 'given' in value
    ? (idOf(value) ?? `? ${value.given}`)
    : value.map((each) => resolveField(each, idOf));
}

/**
 * The digest of a request's kind and fields. What is absent does not enter, so that a field that is added to an input
 * later changes no digest; new fields are added at the end, for the same reason.
 */
export function digestRequest(
  kind: string,
  fields: readonly (readonly [name: string, value: string | null])[],
): Request {
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

/** The names of the fields in which a request differs from the recorded digest of one of its kind; none: the same. */
export function differingFields({ fields, digest }: Request, recorded: Uint8Array): string[] {
  if (digest.compare(recorded, 0, 16, 0, 16) === 0) return [];
  const names = fields.filter((_, place) => {
    const start = 16 + 4 * place;
    // A digest that was recorded before the field existed ends earlier: there the field is absent, which is zero.
    const before = recorded.subarray(start, start + 4);
    return digest.compare(before.length === 4 ? before : ABSENT, 0, 4, start, start + 4) !== 0;
  });
  // Four bytes of two values agree once in four thousand million times: then any field may be the one.
  return names.length > 0 ? names : [...fields];
}
const ABSENT = Buffer.alloc(4);
