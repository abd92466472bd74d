import type { Logger } from 'pino';
import type { RequestNotes } from '../../graphql/execution/request-notes.ts';

/** A request that has been answered, or whose caller has gone. */
export interface AnsweredRequest {
  readonly requestId: string;
  readonly notes: RequestNotes;
  /** Which of the service's routes it took: never the path itself, which is the caller's to choose. */
  readonly route: string;
  /** 499: the caller had gone before the end of the answer. */
  readonly status: number;
  readonly milliseconds: number;
}

/**
 * Writes one line a request: names, codes and numbers of the service's own, and nothing that a caller sent but the name of the
 * operation. What is asked again and again by machines, or is not for the ledger, is of the level debug.
 */
export function logRequest(log: Pick<Logger, 'info' | 'debug'>, request: AnsweredRequest): void {
  const { requestId, notes, route, status, milliseconds } = request;
  const line = {
    requestId,
    route,
    operation: notes.operation,
    codes: Object.fromEntries(notes.codes),
    status,
    ms: Math.round(milliseconds * 10) / 10,
  };
  if (route === 'graphql') log.info(line, 'request');
  else log.debug(line, 'request');
}
