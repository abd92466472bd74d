import {
  createLedgerClient,
  indexedDBStore,
  type Ledger,
  type LedgerClient,
  RequestRejected,
  UnauthenticatedError,
  type Viewer,
} from '../../client/index.ts';
import { GRAPHQL_PATH } from '../data/place.ts';
import type { Credential } from './credential.ts';

/** Who uses the console, with which rights, on which ledger. */
export interface Session {
  readonly credential: Credential | null;
  readonly viewer: Viewer;
  readonly ledger: Ledger;
  /** The decimals of each currency. */
  readonly exponents: ReadonlyMap<string, number>;
  readonly client: LedgerClient;
}

/** How long a read may take with all its retries before the page reports a problem. */
const READ_DEADLINE_MS = 8_000;

/**
 * Opens a session on a ledger. `signal` ends its calls, also those of payments. Throws UnauthenticatedError if the service does not accept the credential, or requires one;
 * PermissionDenied if it has no right to the ledger; Unreachable if the service does not answer.
 */
export async function openSession(
  credential: Credential | null,
  ledgerName: string | undefined,
  signal: AbortSignal,
): Promise<Session> {
  const url = GRAPHQL_PATH;
  const options = { url, signal, ...identityOf(credential) };
  const first = createLedgerClient({
    ...options,
    ...(ledgerName === undefined ? {} : { ledger: ledgerName }),
  });
  const viewer = await first.viewer({ deadlineMs: READ_DEADLINE_MS });
  // The store of intents needs to know whose they are.
  const client = createLedgerClient({
    ...options,
    ledger: viewer.ledger.name,
    owner: viewer.owner,
    keyStore: indexedDBStore(),
  });
  const ledger = viewer.scopes.includes('READ')
    ? await client.ledger({ deadlineMs: READ_DEADLINE_MS })
    : { ...viewer.ledger, closedBefore: null, currencies: [] };
  return { credential, viewer, ledger, exponents: exponentsOf(ledger), client };
}

/** Returns the decimals of each currency of a ledger. */
export function exponentsOf({ currencies }: Pick<Ledger, 'currencies'>): ReadonlyMap<string, number> {
  return new Map(currencies.map(({ code, exponent }) => [code, exponent]));
}

/**
 * Opens a session on a ledger where the credential has a right to it; otherwise on the credential's own one. Throws as `openSession`.
 */
export async function openSessionNear(
  credential: Credential | null,
  ledgerName: string | undefined,
  signal: AbortSignal,
): Promise<Session> {
  try {
    return await openSession(credential, ledgerName, signal);
  } catch (error) {
    // The service rejects the name of a ledger that does not exist, or is not the credential's.
    const isOfLedger = error instanceof RequestRejected && !(error instanceof UnauthenticatedError);
    if (ledgerName === undefined || !isOfLedger) throw error;
    return openSession(credential, undefined, signal);
  }
}

function identityOf(credential: Credential | null) {
  if (credential === null) return {};
  const { kind, text } = credential;
  // A token that is typed cannot be renewed. The client sends it once more before it throws UnauthenticatedError.
  return kind === 'key' ? { apiKey: text } : { token: () => text };
}
