import { hash } from 'node:crypto';
import { errors, type JWTVerifyResult, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Actor } from '../../../core/access/viewer.ts';
import {
  CLOCK_TOLERANCE_SECONDS,
  type ClaimRules,
  type InvalidToken,
  isExpired,
  readClaims,
  type TokenCredential,
} from './claims.ts';
import { type IssuerKeys, KeysUnavailableError } from './issuer-keys.ts';

/** The tokens that are accepted. */
export interface TokenRules extends ClaimRules {
  readonly audience: string;
}

export interface TokensOptions extends TokenRules {
  readonly keys: IssuerKeys;
  /** Called with the actor of a token that permits more than reading, before the token is accepted. */
  readonly recordActor: (issuer: string, subject: Actor['name']) => Promise<unknown>;
}

const ALGORITHMS = ['EdDSA', 'ES256', 'RS256', 'PS256'];
const TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt']);
const MAX_CACHED = 10_000;
/** A token is verified again after so long. A removed key is rejected this much later. */
export const VERIFIED_FOR_MS = 60_000;

interface Verified {
  readonly token: TokenCredential;
  /** When its verification began, by the monotonic clock. */
  readonly verifiedAt: number;
}

/** Verifies JSON Web Tokens of one issuer. */
export class Tokens {
  readonly #options: TokensOptions;
  /** The valid tokens by the SHA-256 of their texts. */
  readonly #verified = new LRUCache<string, Verified>({ max: MAX_CACHED });

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /**
   * Returns the credential of a token, which may have been verified up to a minute ago; otherwise why it is rejected. Rejects with
   * `KeysUnavailableError`, and with `UnavailableError` if the actor cannot be recorded.
   */
  async authenticate(text: string): Promise<TokenCredential | InvalidToken> {
    const digest = hash('sha256', text, 'base64url');
    const known = this.#verified.get(digest);
    const verifiedAt = performance.now();
    if (known !== undefined && verifiedAt - known.verifiedAt < VERIFIED_FOR_MS) {
      if (!isExpired(known.token, present())) return known.token;
    }
    const token = await this.verify(text);
    if ('problem' in token) return token;
    const { scopes, actor } = token.viewer;
    const { issuer, recordActor } = this.#options;
    const isReader = scopes.size === 0 || (scopes.size === 1 && scopes.has('READ'));
    if (actor !== null && !isReader) await recordActor(issuer, actor.name);
    this.#verified.set(digest, { token, verifiedAt });
    return token;
  }

  /** Does the same as `authenticate`, but neither reads nor fills the cache, and records no actor. */
  async verify(text: string): Promise<TokenCredential | InvalidToken> {
    const { keys, issuer, audience } = this.#options;
    let verified: JWTVerifyResult;
    try {
      verified = await jwtVerify(text, keys.find, {
        algorithms: ALGORITHMS,
        issuer,
        audience,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['sub', 'exp', 'ledger'],
      });
    } catch (error) {
      if (error instanceof KeysUnavailableError) throw error;
      const problem = problemOf(error);
      return error instanceof errors.JWTExpired ? { problem, isExpired: true } : { problem };
    }
    const { typ = 'JWT' } = verified.protectedHeader;
    if (typeof typ !== 'string' || !TYPES.has(typ.toLowerCase().replace(/^application\//, ''))) {
      return { problem: 'has another "typ" than JWT or at+jwt.' };
    }
    return readClaims(verified.payload, this.#options, present());
  }
}

/** The present in whole seconds, which is what jose compares. */
function present(): number {
  return Math.floor(Date.now() / 1000);
}

/** Says why jose rejects a token, without any value of it. */
function problemOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'has expired. Request another one from its issuer.';
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    if (reason === 'missing') return `has no claim "${claim}".`;
    return claim === 'nbf' ? 'is not valid yet (claim "nbf").' : `has a wrong claim "${claim}".`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return `has another algorithm than ${ALGORITHMS.join(', ')}.`;
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'has a wrong signature.';
  if (error instanceof errors.JWKSNoMatchingKey) return 'names a key ("kid") that its issuer does not have.';
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return 'does not say by "kid" which key of its issuer signed it.';
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return 'is malformed.';
  return 'cannot be verified with the keys of its issuer.';
}
