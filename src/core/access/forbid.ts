import { type Refusal, refuse } from '../errors.ts';
import { SCOPES, type Viewer } from './viewer.ts';

/** Refuses a request of a viewer who lacks what it needs: a noun, such as "the scope POST". */
export function forbid({ scopes }: Viewer, needs: string): Refusal<'FORBIDDEN'> {
  return refuse('forbidden', { needs, scopes: SCOPES.filter((scope) => scopes.has(scope)) });
}

export const ALL_LEDGERS = 'a credential for all ledgers';

/** Returns what callers restricted to an owner lack to use a field. */
export function noOwner(field: string): string {
  return `a credential without an owner, because ${field} is not for callers restricted to an owner`;
}
