/** Reads the fields that the inputs of several mutations share. `path` is the position of the input within the request. */
import { type Refusal, refuse } from '../errors.ts';
import { formatInstant, type Instant } from '../values/instant.ts';
import { type Decimal, parseAmount } from '../values/money.ts';
import { checkDescription, checkMetadata, checkName, Malformed, type Metadata } from '../values/text.ts';
import type { Command } from './command.ts';

/** The fields of every input that moves money. null and undefined both mean absent. */
export interface AttemptInput {
  readonly idempotencyKey: string;
  readonly externalId?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly metadata?: Metadata | Malformed | null | undefined;
  readonly effectiveAt?: Instant | Malformed | null | undefined;
}

type ReadAttempt = Pick<
  Command,
  'idempotencyKey' | 'externalId' | 'description' | 'metadata' | 'effectiveAt'
>;

/** Reads the shared fields, or returns the refusal of the first malformed one. */
export function readAttempt(input: AttemptInput, path: string): ReadAttempt | Refusal<'INVALID_INPUT'> {
  const {
    idempotencyKey,
    externalId = null,
    description = null,
    metadata = null,
    effectiveAt = null,
  } = input;
  const keyProblem = checkName(idempotencyKey);
  if (keyProblem !== undefined) return malformed(`${path}idempotencyKey`, keyProblem);
  const externalIdProblem = checkOptional(externalId, checkName);
  if (externalIdProblem !== undefined) return malformed(`${path}externalId`, externalIdProblem);
  const descriptionProblem = checkOptional(description, checkDescription);
  if (descriptionProblem !== undefined) return malformed(`${path}description`, descriptionProblem);
  if (metadata instanceof Malformed) return malformed(`${path}metadata`, metadata.problem);
  const metadataProblem = checkOptional(metadata, checkMetadata);
  if (metadataProblem !== undefined) return malformed(`${path}metadata`, metadataProblem);
  if (effectiveAt instanceof Malformed) return malformed(`${path}effectiveAt`, effectiveAt.problem);

  return {
    idempotencyKey,
    externalId,
    description,
    metadata: metadata === null || Object.keys(metadata).length === 0 ? null : metadata,
    effectiveAt,
  };
}

/**
 * The shared fields of a request's digest. description and metadata are compared with the recorded texts instead: a digest of
 * them would remain after the texts are erased.
 */
export function attemptFields({
  externalId,
  effectiveAt,
}: ReadAttempt): readonly (readonly [string, string | null])[] {
  return [
    ['externalId', externalId],
    ['effectiveAt', instantField(effectiveAt)],
  ];
}

/** An instant as it enters a request's digest. */
export function instantField(instant: Instant | null): string | null {
  return instant === null ? null : formatInstant(instant);
}

/** Reads an amount that moves: it must be above zero. */
export function readAmount(given: string | Malformed, field: string): Decimal | Refusal<'INVALID_AMOUNT'> {
  const amount = given instanceof Malformed ? given : parseAmount(given);
  return amount instanceof Malformed ? refuse('malformedAmount', { field, problem: amount.problem }) : amount;
}

/** Reads the amount of a partial capture or reversal; null where it is absent. */
export function readPart(
  given: string | Malformed | null | undefined,
  path: string,
): Decimal | null | Refusal<'INVALID_AMOUNT'> {
  return given === null || given === undefined ? null : readAmount(given, `${path}amount`);
}

/** Checks a value unless it is absent; undefined where it is valid or absent. */
export function checkOptional<Value>(
  value: Value | null | undefined,
  check: (value: Value) => string | undefined,
): string | undefined {
  return value === null || value === undefined ? undefined : check(value);
}

/** The refusal of a malformed field: step 2 of the order of precedence. */
export function malformed(field: string, problem: string): Refusal<'INVALID_INPUT'> {
  return refuse('malformedInput', { field, problem });
}
