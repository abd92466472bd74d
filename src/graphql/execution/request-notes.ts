import { randomUUID } from 'node:crypto';
import type { GraphQLError } from 'graphql';

/**
 * What is noted of a request while it is answered, for its line in the log and for the metrics: names and codes, and none of
 * its values.
 */
export class RequestNotes {
  /** Under which the log, the audit log and the caller know the request. */
  readonly requestId: string = randomUUID();
  /** How the document names the operation that was executed; null where it does not, or none was. */
  operation: string | null = null;
  /** How often each code was answered: those of outcomes, and those of errors beside the data. */
  readonly codes = new Map<string, number>();

  noteCode(code: string): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  /** A name is the caller's to choose, and may be as long as a request. */
  noteOperation(name: string | null): void {
    this.operation = name === null ? null : name.slice(0, MAX_NAME_LENGTH);
  }

  noteErrors(errors: readonly GraphQLError[] = []): void {
    for (const { extensions } of errors) {
      const { code } = extensions;
      this.noteCode(typeof code === 'string' ? code : REQUEST_REFUSED);
    }
  }
}

const MAX_NAME_LENGTH = 100;

/** What GraphQL itself refuses without a code of its own, such as variables of another type. */
const REQUEST_REFUSED = 'GRAPHQL_REQUEST_REFUSED';
