/** What a refusal has in any result: the fields of LedgerError. */
interface AnyRefusal {
  readonly code: string;
  readonly message: string;
  readonly replayed: boolean;
  readonly retryable: boolean;
}

/** Those members of a result that are refusals. */
export type RefusalOf<Result> = Extract<Result, AnyRefusal>;

/** Whether a result is a refusal: a LedgerError, with a code for programs and a message for people. */
export function isRefusal<Result extends { readonly __typename: string }>(
  result: Result,
): result is RefusalOf<Result> {
  return 'retryable' in result;
}
