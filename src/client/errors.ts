/** Errors that a call throws when it has no result of the ledger. Refusals are results, which `unwrap` throws on request. */

/**
 * The outcome of a mutation is unknown: the deadline passed before a result was received.
 *
 * Call the same method again with the same input and the same key or intent. The ledger returns the recorded outcome, or does the
 * operation once.
 */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';
  /** The mutation, such as `transfer`. */
  readonly operation: string;
  /** The key of the request: pass it as `idempotencyKey` of the input, or of a batch's options. Undefined if the mutation takes none. */
  readonly idempotencyKey: string | undefined;
  readonly intent: string | undefined;
  /** How many requests were sent. */
  readonly attempts: number;

  constructor(
    about: Pick<OutcomeUnknown, 'operation' | 'idempotencyKey' | 'intent' | 'attempts'>,
    cause: unknown,
  ) {
    const { operation, idempotencyKey, intent, attempts } = about;
    const again =
      intent !== undefined
        ? `call ${operation} again with the same input and { intent: ${JSON.stringify(intent)} }`
        : idempotencyKey !== undefined
          ? `call ${operation} again with the same input and idempotencyKey: ${JSON.stringify(idempotencyKey)}`
          : `call ${operation} again with the same input`;
    super(
      `The outcome of ${operation} is unknown after ${count(attempts)}. ${messageOf(cause)} To receive it, ${again}.`,
      { cause },
    );
    this.operation = operation;
    this.idempotencyKey = idempotencyKey;
    this.intent = intent;
    this.attempts = attempts;
  }
}

/** The intent is kept for another input or service. Nothing was sent. */
export class IntentConflict extends Error {
  override readonly name = 'IntentConflict';
  readonly intent: string;
  /** The service, operation, input and key that the intent is kept for, as JSON. */
  readonly kept: string;

  constructor(intent: string, kept: string) {
    super(
      `The intent ${JSON.stringify(intent)} is kept for another input or another url: ${kept}. Use another intent for another ` +
        'operation, or forget this one when it is settled.',
    );
    this.intent = intent;
    this.kept = kept;
  }
}

/**
 * The key store failed, or did not answer before the deadline or before the signal aborted. The key of the call may not be kept, so
 * nothing was sent.
 */
export class KeyStoreError extends Error {
  override readonly name = 'KeyStoreError';
  readonly intent: string;

  constructor(intent: string, cause: unknown) {
    super(
      `The keyStore failed for the intent ${JSON.stringify(intent)}, and nothing was sent: ${messageOf(cause)}`,
      { cause },
    );
    this.intent = intent;
  }
}

/** The service rejects the request, such as its document or its variables. Nothing was done. */
export class RequestRejected extends Error {
  override readonly name: string = 'RequestRejected';
  /** The status of HTTP. */
  readonly status: number;
  /** The errors of GraphQL, as the service sent them. */
  readonly errors: readonly GraphQLFault[];

  constructor(status: number, errors: readonly GraphQLFault[], hint = '') {
    const why = errors.map(({ message }) => message).join('; ') || hint;
    super(`The service rejected the request with status ${status}${why === '' ? '.' : `: ${why}`}`);
    this.status = status;
    this.errors = errors;
  }
}

/** The service requires an API key or a token, or does not accept the client's, which may be expired or revoked. Nothing was done. */
export class UnauthenticatedError extends RequestRejected {
  override readonly name = 'UnauthenticatedError';

  constructor(status: number, errors: readonly GraphQLFault[], usesToken = false) {
    super(status, errors, 'The service requires an API key or a token.');
    const advice = usesToken
      ? 'The option token must return a valid token.'
      : 'Create the client with a valid apiKey or token.';
    this.message = withAdvice(this.message, advice);
  }
}

/**
 * The credential does not permit the query, or not the ledger of the request. Nothing was done. A mutation without permission
 * returns the refusal FORBIDDEN instead.
 */
export class PermissionDenied extends RequestRejected {
  override readonly name = 'PermissionDenied';

  constructor(status: number, errors: readonly GraphQLFault[]) {
    super(status, errors);
    this.message = withAdvice(this.message, 'Create the client with an apiKey or a token that permits it.');
  }
}

/**
 * The option `token` failed, returned no token, or returned one of another owner or ledger than the client's. Nothing was done. A
 * mutation with an earlier attempt throws OutcomeUnknown instead, with this error as its cause.
 */
export class TokenError extends Error {
  override readonly name = 'TokenError';

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/** A query had no result at its deadline, or no request can be sent. Nothing was done. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';

  constructor(message: string, cause: unknown) {
    super(message, { cause });
  }
}

/** Returns the message for a query without a result. */
export function queryFailed(operation: string, attempts: number, cause: unknown): string {
  return `Query ${operation} failed after ${count(attempts)}. ${messageOf(cause)}`;
}

function withAdvice(message: string, advice: string): string {
  return `${message.replace(/\.?$/, '.')} ${advice}`;
}

function count(attempts: number): string {
  return attempts === 1 ? '1 attempt' : `${attempts} attempts`;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

export interface GraphQLFault {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}
