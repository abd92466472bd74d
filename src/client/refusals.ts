/** The fields that every refusal has: those of LedgerError. */
interface AnyRefusal {
  readonly code: string;
  readonly message: string;
  readonly replayed: boolean;
  readonly retryable: boolean;
}
interface AnyResult {
  readonly __typename: string;
}

/** The members of a result that are refusals. */
export type RefusalOf<Result> = Extract<Result, AnyRefusal>;
/** The members of a result that are no refusals. */
export type DoneOf<Result> = Exclude<Result, AnyRefusal>;
/** The members of a result that say that money has moved or is reserved. */
export type PostedOf<Result> = Extract<
  Result,
  { readonly __typename: 'TransactionPosted' } | { readonly __typename: 'HoldPlaced' }
>;

/** Thrown by `unwrap` where the result is a refusal. */
export class LedgerRefusal<Refusal extends AnyRefusal = AnyRefusal> extends Error {
  override readonly name = 'LedgerRefusal';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(`${refusal.code}: ${refusal.message}`);
    this.refusal = refusal;
  }
}

/** Returns whether a result is a refusal: a LedgerError, with a code for programs and a message for people. */
export function isRefusal<Result extends AnyResult>(result: Result): result is RefusalOf<Result> {
  return 'retryable' in result;
}

/** Returns whether a result says that a transaction was posted, which a placed hold is too. */
export function isPosted<Result extends AnyResult>(result: Result): result is PostedOf<Result> {
  return result.__typename === 'TransactionPosted' || result.__typename === 'HoldPlaced';
}

/**
 * Returns the result where it is no refusal: `const { transaction } = unwrap(await ledger.transfer(…))`.
 *
 * @throws LedgerRefusal with the refusal, where it is one.
 */
export function unwrap<Result extends AnyResult>(result: Result): DoneOf<Result> {
  if (isRefusal(result)) throw new LedgerRefusal(result as AnyRefusal & AnyResult);
  return result as DoneOf<Result>;
}
