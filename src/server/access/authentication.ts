import type { IncomingMessage } from 'node:http';
import { GraphQLError } from 'graphql';
import type { Credential } from '../../core/access/credential.ts';
import { ANYBODY, type Viewer } from '../../core/access/viewer.ts';
import { MAIN } from '../../core/create-ledger.ts';
import { requestRefused } from '../../graphql/execution/answer.ts';
import type { Ledger, LedgerEngine } from '../../ledger/ledger.ts';
import { HOW_TO_SEND, malformed, readCredential, readLedgerName, unauthenticated } from './credentials.ts';

/** The sender of a request, and the ledger that it is for. */
export interface Caller {
  readonly viewer: Viewer;
  readonly ledger: Ledger;
  /** Null: the request has none, and needs none. */
  readonly credential: Credential | null;
}

type Head = Pick<IncomingMessage, 'rawHeaders'>;

/**
 * Returns the caller of a request by its head, or the refusal of the request. Once any key was created, a request needs a valid key,
 * even if all keys are revoked. Before, a request without a key is permitted everything. Rejects with `UnavailableError` if the database does not answer.
 */
export async function identify(engine: LedgerEngine, head: Head): Promise<Caller | GraphQLError> {
  const { access } = engine;
  const text = readCredential(head);
  if (text instanceof GraphQLError) return text;
  // A key that is given must be valid, even if no key is required: otherwise a caller that reaches the wrong database would post
  // to its ledger.
  const credential = text === undefined ? undefined : await access.authenticate(text);
  if (credential === 'MALFORMED') return malformed(text ?? '');
  if (typeof credential === 'string') return unauthenticated(REJECTED[credential]);
  if (credential === undefined && (await access.isKeyed())) {
    return unauthenticated(`The request has no API key. ${HOW_TO_SEND}`);
  }
  const ledger = await findLedger(engine, head, credential?.ledgerName ?? null);
  if (ledger instanceof GraphQLError) return ledger;
  return { viewer: credential?.viewer ?? ANYBODY, ledger, credential: credential ?? null };
}

const REJECTED = {
  UNKNOWN: 'The API key is unknown. Check that it belongs to this service.',
  EXPIRED: 'The API key has expired. Create another one.',
  REVOKED: 'The API key is revoked. Create another one.',
} as const;

/** Returns the ledger of a request. `only`: the name of the ledger of its credential; null: all ledgers. */
async function findLedger(
  engine: LedgerEngine,
  head: Head,
  only: string | null,
): Promise<Ledger | GraphQLError> {
  const named = readLedgerName(head);
  if (named instanceof GraphQLError) return named;
  // The refusal does not depend on whether the other ledger exists.
  if (only !== null && named !== undefined && named !== only) return forbidden(only);
  const name = only ?? named ?? MAIN;
  return (await engine.ledger(name)) ?? noLedger(name);
}

function forbidden(name: string): GraphQLError {
  return requestRefused(
    403,
    `The API key is for the ledger "${name}" only, and the header x-ledger names another one. Nothing was done. Remove the ` +
      'header, or send a key for that ledger.',
    { code: 'FORBIDDEN' },
  );
}

function noLedger(name: string): GraphQLError {
  return requestRefused(
    400,
    `The header x-ledger is "${name}", and there is no such ledger. Nothing was done. Create it with createLedger, or send the ` +
      'name of another ledger.',
  );
}
