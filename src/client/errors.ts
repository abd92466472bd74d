/** What is thrown where no answer of the ledger's can be returned: never a refusal, which is a result like any other. */

/**
 * It is not known whether the operation was done: the deadline passed before the ledger's answer was heard.
 *
 * To go on, send the same again with the same key, or the same intent: the ledger answers what became of it, and does it
 * at most once.
 */
export class OutcomeUnknown extends Error {
  override readonly name = 'OutcomeUnknown';
  /** The mutation, such as `transfer`. */
  readonly operation: string;
  /** Under which it was sent; give it as `idempotencyKey` of the same input, or of a batch's options. Undefined where the mutation takes none. */
  readonly idempotencyKey: string | undefined;
  readonly intent: string | undefined;
  /** How often it was sent. */
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
      `Whether ${operation} was done is not known after ${count(attempts)}. ${messageOf(cause)} To hear it, ${again}.`,
      { cause },
    );
    this.operation = operation;
    this.idempotencyKey = idempotencyKey;
    this.intent = intent;
    this.attempts = attempts;
  }
}

/** The intent stands for another input already. Nothing was sent. */
export class IntentConflict extends Error {
  override readonly name = 'IntentConflict';
  readonly intent: string;
  /** What the intent stands for, as JSON. */
  readonly kept: string;

  constructor(intent: string, kept: string) {
    super(
      `The intent ${JSON.stringify(intent)} stands for another input: ${kept}. Name another intent for another operation, ` +
        'or forget this one when it is over.',
    );
    this.intent = intent;
    this.kept = kept;
  }
}

/** The service does not take the request: its document, its variables or its API key are not right. Nothing was done. */
export class RequestRejected extends Error {
  override readonly name = 'RequestRejected';
  /** HTTP's. */
  readonly status: number;
  /** GraphQL's, as the service sent them. */
  readonly errors: readonly GraphQLFault[];

  constructor(status: number, errors: readonly GraphQLFault[], hint = '') {
    const why = errors.map(({ message }) => message).join('; ') || hint;
    super(`The service rejected the request with status ${status}${why === '' ? '.' : `: ${why}`}`);
    this.status = status;
    this.errors = errors;
  }
}

/** The service did not answer a query until the deadline, or nothing can be sent to it at all. Nothing can have been done. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';

  constructor(message: string, cause: unknown) {
    super(message, { cause });
  }
}

/** The message where a query had no answer. */
export function unanswered(operation: string, attempts: number, cause: unknown): string {
  return `The service did not answer ${operation} in ${count(attempts)}. ${messageOf(cause)}`;
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
