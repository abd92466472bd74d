import type { IncomingMessage } from 'node:http';
import { GraphQLError } from 'graphql';
import type { Credential } from '../../core/access/credential.ts';
import { ANYBODY, type Viewer } from '../../core/access/viewer.ts';
import { MAIN } from '../../core/create-ledger.ts';
import { requestRefused } from '../../graphql/execution/answer.ts';
import type { InvalidKey } from '../../ledger/access/access.ts';
import type { Ledger, LedgerEngine } from '../../ledger/ledger.ts';
import {
  howToSend,
  isKeyText,
  KEYS_UNAVAILABLE,
  malformed,
  readCredential,
  readLedgerName,
  unauthenticated,
} from './credentials.ts';
import { KeysUnavailableError } from './tokens/issuer-keys.ts';
import type { Tokens } from './tokens/tokens.ts';

/** The sender of a request, and the ledger that it is for. */
export interface Caller {
  readonly viewer: Viewer;
  readonly ledger: Ledger;
  /** Null: the request has none, and needs none. */
  readonly credential: Credential | null;
}

type Head = Pick<IncomingMessage, 'rawHeaders'>;

/**
 * Returns the caller of a request by its head, or the refusal of the request. A request needs a valid key or token if tokens are
 * accepted, and once any key was created, even if all keys are revoked. Otherwise a request without a credential is permitted
 * everything. `tokens`: undefined if none are accepted. Rejects with `UnavailableError` if the database does not answer.
 */
export async function identify(
  engine: LedgerEngine,
  head: Head,
  tokens?: Tokens | undefined,
): Promise<Caller | GraphQLError> {
  const acceptsTokens = tokens !== undefined;
  const text = readCredential(head, acceptsTokens);
  if (text instanceof GraphQLError) return text;
  let credential: Credential | GraphQLError | null = null;
  // A credential that is given must be valid, even if none is required: otherwise a caller that reaches the wrong database would
  // post to its ledger.
  if (text !== undefined) {
    if (acceptsTokens && !isKeyText(text)) credential = await authenticateToken(tokens, text);
    else {
      const found = await engine.access.authenticate(text);
      credential = typeof found === 'string' ? refuseKey(found, text, acceptsTokens) : found;
    }
    if (credential instanceof GraphQLError) return credential;
  } else if (acceptsTokens || (await engine.access.isKeyed())) {
    const lacks = acceptsTokens ? 'neither an API key nor a token' : 'no API key';
    return unauthenticated(`The request has ${lacks}. ${howToSend(acceptsTokens)}`);
  }
  const ledger = await findLedger(engine, head, credential);
  if (ledger instanceof GraphQLError) return ledger;
  return { viewer: credential?.viewer ?? ANYBODY, ledger, credential };
}

function refuseKey(reason: InvalidKey, text: string, acceptsTokens: boolean): GraphQLError {
  return reason === 'MALFORMED' ? malformed(text, acceptsTokens) : unauthenticated(REJECTED[reason]);
}

async function authenticateToken(tokens: Tokens, text: string): Promise<Credential | GraphQLError> {
  try {
    const credential = await tokens.authenticate(text);
    if (!('problem' in credential)) return credential;
    return credential.isExpired ? EXPIRED_TOKEN : unauthenticated(`The token ${credential.problem}`);
  } catch (error) {
    if (error instanceof KeysUnavailableError) return KEYS_UNAVAILABLE;
    throw error;
  }
}

const REJECTED = {
  UNKNOWN: 'The API key is unknown. Check that it belongs to this service.',
  EXPIRED: 'The API key has expired. Create another one.',
  REVOKED: 'The API key is revoked. Create another one.',
} as const;

/** Returns the ledger of a request with this credential. */
async function findLedger(
  engine: LedgerEngine,
  head: Head,
  credential: Credential | null,
): Promise<Ledger | GraphQLError> {
  const named = readLedgerName(head);
  if (named instanceof GraphQLError) return named;
  const only = credential?.ledgerName ?? null;
  // The refusal does not depend on whether the other ledger exists.
  if (only !== null && named !== undefined && named !== only) return forbidden(only, credential);
  const name = only ?? named ?? MAIN;
  const ledger = await engine.ledger(name);
  if (ledger !== undefined) return ledger;
  // The ledger of a key exists, that of a token need not.
  return only === null ? noLedger(name) : TOKEN_WITHOUT_LEDGER;
}

function forbidden(name: string, credential: Credential | null): GraphQLError {
  const noun = credential?.viewer.actor?.kind === 'TOKEN' ? 'token' : 'key';
  return requestRefused(
    403,
    `The ${noun === 'key' ? 'API key' : noun} is for the ledger "${name}" only, and the header x-ledger names another one. ` +
      `Nothing was done. Remove the header, or send a ${noun} for that ledger.`,
    { code: 'FORBIDDEN' },
  );
}

/** The refusal of a token that was valid before. */
export const EXPIRED_TOKEN = unauthenticated('The token has expired. Request another one from its issuer.');

const TOKEN_WITHOUT_LEDGER = unauthenticated(
  'The token is for a ledger that does not exist (claim "ledger"). Create it with createLedger, or request a token for another one.',
);

function noLedger(name: string): GraphQLError {
  return requestRefused(
    400,
    `The header x-ledger is "${name}", and there is no such ledger. Nothing was done. Create it with createLedger, or send the ` +
      'name of another ledger.',
  );
}
