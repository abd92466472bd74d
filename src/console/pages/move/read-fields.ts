/** Reads single fields of the forms that move money. Each reader adds the mistake of its field to the problems. */
import type { Account } from '../../../client/index.ts';
import { incomplete, type Problem } from '../../data/amount-text.ts';
import { readLocalInstant } from '../../data/instants.ts';
import { metadataProblem, toMetadata } from '../../data/metadata.ts';
import type { MoveKind, MoveValues } from './values.ts';

/** The facts that the values are read with. */
export interface MoveFacts {
  readonly exponents: ReadonlyMap<string, number>;
  /** By the ids and names that were typed, as far as they are known. */
  readonly accounts: ReadonlyMap<string, Pick<Account, 'currency' | 'externalId' | 'kind' | 'owner'>>;
  /** The currency of the hold. */
  readonly holdCurrency?: string | undefined;
  /** The viewer is restricted to the accounts of an owner. */
  readonly isRestricted: boolean;
  readonly now: Date;
}

/** The mistakes in the values, by the names of the fields. */
export type Problems = Record<string, Problem>;

const MOST_HOLD_MS = 7 * 24 * 3_600_000;

export function readAccount(problems: Problems, field: string, typed: string): string {
  const id = typed.trim();
  if (id === '') problems[field] = incomplete('Choose an account.');
  else if (!/^(acct_|ext:)./.test(id)) {
    problems[field] = incomplete(
      'Choose an account from the list, or enter its id, or ext: and its external id.',
    );
  }
  return id;
}

export function readHold(typed: string, problems: Problems): string {
  const id = typed.trim();
  if (!/^(hold_|ext:)./.test(id)) {
    problems['hold'] = incomplete(
      'Choose a hold from the list, or enter its id, or ext: and its external id.',
    );
  }
  return id;
}

export function readExpiry(
  typed: string,
  { isRestricted, now }: MoveFacts,
  problems: Problems,
): string | undefined {
  const instant = readLocalInstant(typed);
  if (instant === undefined) {
    if (isRestricted)
      problems['expiresAt'] = incomplete('Enter when the hold expires, at most 7 days from now.');
    return undefined;
  }
  const aheadMs = new Date(instant).getTime() - now.getTime();
  if (aheadMs <= 0) problems['expiresAt'] = incomplete('Enter an instant in the future.');
  else if (isRestricted && aheadMs > MOST_HOLD_MS) {
    problems['expiresAt'] = incomplete('Enter an instant at most 7 days from now.');
  }
  return instant;
}

/** Reads the fields that most operations have. Empty ones are omitted. */
export function readCommon(kind: MoveKind, values: MoveValues, problems: Problems) {
  const description = values.description.trim();
  const externalId = values.externalId.trim();
  const effectiveAt = readLocalInstant(values.effectiveAt);
  const metadata = toMetadata(values.metadata);
  const problem = metadataProblem(values.metadata);
  // The metadata field shows its problem.
  if (problem !== undefined) problems['metadata'] = incomplete(problem);
  return {
    ...(description === '' ? {} : { description }),
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
    ...(kind === 'void' || externalId === '' ? {} : { externalId }),
    ...(kind === 'void' || effectiveAt === undefined ? {} : { effectiveAt }),
  };
}
