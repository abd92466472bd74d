import type { Viewer } from './viewer.ts';

/** An accepted proof of identity: a valid API key or token. */
export interface Credential {
  readonly viewer: Viewer;
  /** The name of the only ledger that it is for. Null: all ledgers. */
  readonly ledgerName: string | null;
  /** Its public id in logs: `key_…` of an API key, `act_…` of the subject of a token. */
  readonly logId: string;
  /** Null: the default of the service. */
  readonly requestsPerSecond: number | null;
}
