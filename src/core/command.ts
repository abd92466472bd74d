import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Side } from './account.ts';
import { type Refusal, refuse } from './errors.ts';
import { EXTERNAL_ID_MARK, parseId, type Uuid } from './ids.ts';
import { formatInstant, type Instant } from './instant.ts';
import { type Decimal, parseAmount, shortestDecimal } from './money.ts';
import { checkDescription, checkMetadata, checkName, Malformed, type Metadata } from './text.ts';

/** How a caller names an account: by its public id, by the caller's own name for it, or by what can be neither. */
export type AccountName =
  | { readonly by: 'id'; readonly given: string; readonly id: Uuid }
  | { readonly by: 'externalId'; readonly given: string; readonly externalId: string }
  | { readonly by: 'nothing'; readonly given: string };

/** What every command that moves money carries, as the API's inputs do. null and undefined both mean absent. */
export interface AttemptInput {
  readonly idempotencyKey: string;
  readonly externalId?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly metadata?: Metadata | Malformed | null | undefined;
  readonly effectiveAt?: Instant | Malformed | null | undefined;
}
export interface DepositInput extends AttemptInput {
  readonly accountId: string;
  readonly amount: string | Malformed;
}
export type WithdrawInput = DepositInput;
export interface TransferInput extends AttemptInput {
  readonly fromAccountId: string;
  readonly toAccountId: string;
  readonly amount: string | Malformed;
}

/** One side of a movement. `EXTERNAL`: the ledger's external account of the key account's currency. */
interface Leg {
  readonly account: AccountName | 'EXTERNAL';
  readonly side: Side;
  readonly amount: Decimal;
}

/** What a caller asks, well formed but not yet looked at beside the books. Its legs are in the order of its entries. */
export interface Command {
  readonly type: 'DEPOSIT' | 'WITHDRAWAL' | 'TRANSFER';
  readonly keyAccount: AccountName;
  readonly idempotencyKey: string;
  readonly externalId: string | null;
  readonly description: string | null;
  readonly metadata: Metadata | null;
  readonly effectiveAt: Instant | null;
  readonly legs: readonly Leg[];
  /** What makes two requests the same, by the names of the input's fields; an account enters as the id it stands for. */
  readonly fields: readonly (readonly [name: string, value: string | AccountName | null])[];
}

/** A command whose names were looked up: what `decide` takes. */
export interface PlannedCommand extends Omit<Command, 'keyAccount' | 'legs' | 'fields'> {
  readonly keyAccount: { readonly id: Uuid; readonly given: string };
  /** An id is undefined where a name stands for nothing. */
  readonly legs: readonly PlannedLeg[];
  readonly request: Request;
  /** Salts the digests of the command's texts; null where it has none. */
  readonly salt: Uint8Array | null;
  /** Ids that were made for this very command: a recorded outcome that bears one of them is this command's own effect. */
  readonly madeIds: Set<Uuid>;
}
export interface PlannedLeg extends Omit<Leg, 'account'> {
  readonly account: { readonly id: Uuid | undefined; readonly given: string };
}

/** What a request is remembered by: 16 bytes that decide whether another is the same, and 4 bytes a field that name where they differ. */
export interface Request {
  readonly fields: readonly string[];
  readonly digest: Buffer;
}

export const toDeposit = (input: DepositInput, path = ''): Command | Refusal =>
  externalMovement('DEPOSIT', input, path, ['EXTERNAL', 'KEY']);
export const toWithdrawal = (input: WithdrawInput, path = ''): Command | Refusal =>
  externalMovement('WITHDRAWAL', input, path, ['KEY', 'EXTERNAL']);

/** Reads the input of a transfer: from is debited, to is credited. `path` leads to the input within the request. */
export function toTransfer(input: TransferInput, path = ''): Command | Refusal {
  const attempt = readAttempt(input, path);
  if ('code' in attempt) return attempt;
  const amount = readAmount(input.amount, path);
  if ('code' in amount) return amount;
  const from = nameAccount(input.fromAccountId);
  const to = nameAccount(input.toAccountId);
  return {
    type: 'TRANSFER',
    ...attempt,
    keyAccount: from,
    legs: [
      { account: from, side: 'DEBIT', amount },
      { account: to, side: 'CREDIT', amount },
    ],
    fields: [
      ['fromAccountId', from],
      ['toAccountId', to],
      ['amount', shortestDecimal(amount)],
      ...attemptFields(attempt),
    ],
  };
}

function externalMovement(
  type: 'DEPOSIT' | 'WITHDRAWAL',
  input: DepositInput,
  path: string,
  [debited, credited]: readonly ['EXTERNAL', 'KEY'] | readonly ['KEY', 'EXTERNAL'],
): Command | Refusal {
  const attempt = readAttempt(input, path);
  if ('code' in attempt) return attempt;
  const amount = readAmount(input.amount, path);
  if ('code' in amount) return amount;
  const account = nameAccount(input.accountId);
  return {
    type,
    ...attempt,
    keyAccount: account,
    legs: [
      { account: debited === 'KEY' ? account : 'EXTERNAL', side: 'DEBIT', amount },
      { account: credited === 'KEY' ? account : 'EXTERNAL', side: 'CREDIT', amount },
    ],
    fields: [['accountId', account], ['amount', shortestDecimal(amount)], ...attemptFields(attempt)],
  };
}

/** Tells what an account's name names; see `AccountName`. */
export function nameAccount(given: string): AccountName {
  if (given.startsWith(EXTERNAL_ID_MARK)) {
    const externalId = given.slice(EXTERNAL_ID_MARK.length);
    return checkName(externalId) === undefined
      ? { by: 'externalId', given, externalId }
      : { by: 'nothing', given };
  }
  const id = parseId('account', given);
  return id === undefined ? { by: 'nothing', given } : { by: 'id', given, id };
}

/**
 * The command with its names looked up, or ACCOUNT_NOT_FOUND where the key account's name stands for nothing.
 * `external` is the external account of the key account's currency.
 */
export function plan(
  command: Command,
  lookUp: {
    readonly id: (name: AccountName) => Uuid | undefined;
    readonly external: (keyAccountId: Uuid) => Uuid | undefined;
    readonly salt: () => Uint8Array;
  },
): PlannedCommand | Refusal {
  const { keyAccount, legs, fields, ...rest } = command;
  const keyAccountId = lookUp.id(keyAccount);
  if (keyAccountId === undefined) return refuse('keyAccountNotFound', { accountId: keyAccount.given });
  return {
    ...rest,
    keyAccount: { id: keyAccountId, given: keyAccount.given },
    legs: legs.map(({ account, side, amount }) => ({
      account:
        account === 'EXTERNAL'
          ? { id: lookUp.external(keyAccountId), given: keyAccount.given }
          : { id: lookUp.id(account), given: account.given },
      side,
      amount,
    })),
    request: digestRequest(
      command.type,
      fields.map(([name, value]) => [
        name,
        value === null || typeof value === 'string' ? value : (lookUp.id(value) ?? `? ${value.given}`),
      ]),
    ),
    salt: command.description === null && command.metadata === null ? null : lookUp.salt(),
    madeIds: new Set(),
  };
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
  digest.write(hash('sha256', JSON.stringify([kind, present]), 'hex'), 0, 16, 'hex');
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

type ReadAttempt = Pick<
  Command,
  'idempotencyKey' | 'externalId' | 'description' | 'metadata' | 'effectiveAt'
>;

function attemptFields({ externalId, effectiveAt }: ReadAttempt): readonly [string, string | null][] {
  // description and metadata are compared with the recorded texts, so that no digest of them outlives their erasure.
  return [
    ['externalId', externalId],
    ['effectiveAt', effectiveAt === null ? null : formatInstant(effectiveAt)],
  ];
}

function readAttempt(input: AttemptInput, path: string): ReadAttempt | Refusal<'INVALID_INPUT'> {
  const {
    idempotencyKey,
    externalId = null,
    description = null,
    metadata = null,
    effectiveAt = null,
  } = input;
  const wrong = (field: string, problem: string) =>
    refuse('malformedInput', { field: path + field, problem });

  const keyProblem = checkName(idempotencyKey);
  if (keyProblem !== undefined) return wrong('idempotencyKey', keyProblem);
  const externalIdProblem = externalId === null ? undefined : checkName(externalId);
  if (externalIdProblem !== undefined) return wrong('externalId', externalIdProblem);
  const descriptionProblem = description === null ? undefined : checkDescription(description);
  if (descriptionProblem !== undefined) return wrong('description', descriptionProblem);
  if (metadata instanceof Malformed) return wrong('metadata', metadata.problem);
  const metadataProblem = metadata === null ? undefined : checkMetadata(metadata);
  if (metadataProblem !== undefined) return wrong('metadata', metadataProblem);
  if (effectiveAt instanceof Malformed) return wrong('effectiveAt', effectiveAt.problem);

  return {
    idempotencyKey,
    externalId,
    description,
    metadata: metadata === null || Object.keys(metadata).length === 0 ? null : metadata,
    effectiveAt,
  };
}

function readAmount(given: string | Malformed, path: string): Decimal | Refusal<'INVALID_AMOUNT'> {
  const amount = given instanceof Malformed ? given : parseAmount(given);
  return amount instanceof Malformed
    ? refuse('malformedAmount', { field: `${path}amount`, problem: amount.problem })
    : amount;
}
