import type { Logger } from 'pino';
import type { RequestNotes } from '../../graphql/execution/request-notes.ts';

/** A request that was answered, or whose connection was closed. */
export interface AnsweredRequest {
  readonly requestId: string;
  readonly notes: RequestNotes;
  /** The route of the service; not the path, which callers choose. */
  readonly route: string;
  /** 499: the connection was closed before the end of the answer. */
  readonly status: number;
  readonly milliseconds: number;
}

/**
 * Writes one line per request. Of the values that a caller sent, it has only the name of the operation, and the public id of the
 * credential. Requests that are not for
 * the ledger, such as probes, have the level debug.
 */
export function logRequest(log: Pick<Logger, 'info' | 'debug'>, request: AnsweredRequest): void {
  const { requestId, notes, route, status, milliseconds } = request;
  const line = {
    requestId,
    route,
    ...(notes.credentialId !== null && { credential: notes.credentialId }),
    operation: notes.operation,
    codes: Object.fromEntries(notes.codes),
    status,
    ms: Math.round(milliseconds * 10) / 10,
  };
  if (route === 'graphql') log.info(line, 'request');
  else log.debug(line, 'request');
}
