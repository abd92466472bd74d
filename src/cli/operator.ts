import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { COMMAND_LINE } from '../core/access/actor.ts';
import type { Viewer } from '../core/access/viewer.ts';
import type { Refusal } from '../core/errors.ts';
import { messageOf } from '../core/refusal-messages.ts';
import { COMMAND, CommandError } from './report.ts';

/** The user of the command line, who may do everything, and the id of the command in the audit log. */
export interface Operator {
  readonly viewer: Viewer;
  readonly requestId: string;
}

/** Returns the operator of this process. The id of the request names the operating system's user. */
export function thisOperator(): Operator {
  return { viewer: COMMAND_LINE, requestId: `cli:${userName()}:${randomUUID()}` };
}

/** A user id without a name is common in containers. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `${process.getuid?.()}`;
  }
}

/**
 * Returns the result, unless it is a refusal. Throws `CommandError` with its message. `names`: the fields of the input, as the
 * command line calls them.
 */
export function accepted<Result extends { readonly code: string }>(
  result: Result | Refusal,
  names: Readonly<Record<string, string>> = {},
): Exclude<Result, Refusal> {
  if (!('facts' in result)) return result as Exclude<Result, Refusal>;
  const refusal = result as Refusal;
  if (refusal.code === 'INVALID_INPUT') {
    const { field, problem } = refusal.facts;
    throw new CommandError(`${names[field] ?? field} ${problem}. (${refusal.code})`);
  }
  if (refusal.code !== 'UNAVAILABLE') throw new CommandError(`${messageOf(refusal)} (${refusal.code})`);
  throw new CommandError(
    'The database cannot be reached, or the connection was lost. It is unknown whether the change was made. ' +
      `Look before you repeat the command: ${COMMAND} keys list, or: ${COMMAND} ledgers list (UNAVAILABLE)`,
  );
}
