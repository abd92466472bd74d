import { randomUUID } from 'node:crypto';
import type { GraphQLError } from 'graphql';
import { looksLikeKeyText } from '../../core/access/key-text.ts';
import { codeOf } from './error-code.ts';

/** Collects facts about a request for its log line and the metrics: names and codes, never values. */
export class RequestNotes {
  /** The id of the request in the log, in the audit log and in its answer. */
  readonly requestId: string = randomUUID();
  /** The public id of the credential, never the credential itself. Null: the request has no valid one. */
  credentialId: string | null = null;
  /** The name of the executed operation. Null: it has no name, or none was executed. */
  operation: string | null = null;
  /** The number of occurrences of each code, in outcomes and in errors. */
  readonly codes = new Map<string, number>();

  noteCode(code: string): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
  }

  /** Notes the name of the operation, shortened, as a caller may choose one of any length. A name like an API key is left out. */
  noteOperation(name: string | null): void {
    this.operation = name === null || looksLikeKeyText(name) ? null : name.slice(0, MAX_NAME_LENGTH);
  }

  noteErrors(errors: readonly GraphQLError[] = []): void {
    for (const error of errors) this.noteCode(codeOf(error));
  }
}

const MAX_NAME_LENGTH = 100;
