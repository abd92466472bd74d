import { actorId } from '../../../core/access/actor.ts';
import type { Credential } from '../../../core/access/credential.ts';
import { EXTERNAL_OWNER, SCOPES } from '../../../core/access/viewer.ts';
import { isLedgerName } from '../../../core/create-ledger.ts';
import { formatId } from '../../../core/values/ids.ts';
import { checkName } from '../../../core/values/text.ts';

/** The clocks of the issuer and of the service may differ by this. */
export const CLOCK_TOLERANCE_SECONDS = 30;

/** The rules for claims, except for the issuer and the audience. */
export interface ClaimRules {
  readonly issuer: string;
  /** The seconds that a token may be valid. */
  readonly maxAgeSeconds: number;
  /** The claim that permits a token without an owner. Null: each token needs an owner. */
  readonly unrestrictedClaim: string | null;
}

/** A valid token. */
export interface TokenCredential extends Credential {
  /** The only ledger that it is for. */
  readonly ledgerName: string;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

/** Says why a token is rejected: the rest of a sentence that begins with "The token". It has no value of the token. */
export interface InvalidToken {
  readonly problem: string;
  /** The issuer signed it, but it has expired. */
  readonly isExpired?: boolean;
}

type Claims = Readonly<Record<string, unknown>>;

/** Returns the credential of verified claims. `now`: seconds since 1970. A claim of another type is rejected, never converted. */
export function readClaims(claims: Claims, rules: ClaimRules, now: number): TokenCredential | InvalidToken {
  const { sub, exp, iat, ledger } = claims;
  if (typeof exp !== 'number') return wrong('exp', 'must be a number');
  if (iat !== undefined && typeof iat !== 'number') return wrong('iat', 'must be a number');
  const problem = findLifetimeProblem(exp, iat, rules, now);
  if (problem !== undefined) return { problem };
  if (typeof sub !== 'string') return wrong('sub', 'must be a text');
  const subjectProblem = checkName(sub);
  if (subjectProblem !== undefined) return wrong('sub', subjectProblem);
  if (typeof ledger !== 'string' || !isLedgerName(ledger))
    return wrong('ledger', 'must be the name of a ledger');
  const scopes = readScopes(claims);
  if ('problem' in scopes) return scopes;
  const restriction = readOwner(claims, rules);
  if ('problem' in restriction) return restriction;
  const { owner } = restriction;
  if (owner !== null && (scopes.has('MANAGE') || scopes.has('ADMIN'))) {
    return {
      problem: 'has an owner, and with it the scope MANAGE or ADMIN. Only READ and POST are possible.',
    };
  }
  const id = actorId('TOKEN', rules.issuer, sub);
  return {
    viewer: { actor: { id, kind: 'TOKEN', name: sub }, scopes, allLedgers: false, owner },
    ledgerName: ledger,
    logId: formatId('actor', id),
    requestsPerSecond: null,
    expiresAt: exp,
  };
}

/** Whether a token has expired at an instant, in seconds since 1970. */
export function isExpired({ expiresAt }: Pick<TokenCredential, 'expiresAt'>, now: number): boolean {
  return expiresAt <= now - CLOCK_TOLERANCE_SECONDS;
}

function findLifetimeProblem(
  exp: number,
  iat: number | undefined,
  { maxAgeSeconds }: ClaimRules,
  now: number,
): string | undefined {
  if (iat !== undefined && iat > now + CLOCK_TOLERANCE_SECONDS)
    return 'was issued in the future (claim "iat").';
  const isTooLong =
    exp - now > maxAgeSeconds + CLOCK_TOLERANCE_SECONDS || (iat !== undefined && exp - iat > maxAgeSeconds);
  return isTooLong ? `is valid for too long: at most ${maxAgeSeconds} seconds are possible.` : undefined;
}

/** Identity providers add scopes of their own, such as openid. */
function readScopes({ scope = '' }: Claims): Credential['viewer']['scopes'] | InvalidToken {
  if (typeof scope !== 'string') return wrong('scope', 'must be a text');
  const given = scope.split(' ');
  return new Set(SCOPES.filter((each) => given.includes(each)));
}

function readOwner(
  claims: Claims,
  { unrestrictedClaim }: ClaimRules,
): { readonly owner: string | null } | InvalidToken {
  const unrestricted = unrestrictedClaim === null ? undefined : claims[unrestrictedClaim];
  if (unrestricted !== undefined && typeof unrestricted !== 'boolean') {
    return wrong(unrestrictedClaim ?? '', 'must be true or false');
  }
  const { owner } = claims;
  if (owner === undefined) return unrestricted ? { owner: null } : { problem: 'has no claim "owner".' };
  if (typeof owner !== 'string') return wrong('owner', 'must be a text');
  const problem = checkName(owner);
  if (problem !== undefined) return wrong('owner', problem);
  return owner === EXTERNAL_OWNER ? wrong('owner', `must not be "${EXTERNAL_OWNER}"`) : { owner };
}

function wrong(claim: string, problem: string): InvalidToken {
  return { problem: `has a wrong claim "${claim}": it ${problem}.` };
}
