import { GraphQLError } from 'graphql';
import type { OnFault } from '../../graphql/context.ts';
import { requestRefused, writeAnswer } from '../../graphql/execution/answer.ts';
import { maskFault } from '../../graphql/execution/yoga.ts';
import type { Route } from '../http/route.ts';
import type { Callers } from './callers.ts';

/** Returns the route for callers with the scope ADMIN only. */
export function adminOnly(callers: Callers, onFault: OnFault, route: Route): Route {
  return async (request, notes) => {
    const caller = await callers
      .identify(request)
      .catch((error: unknown): GraphQLError => maskFault(error, onFault));
    if (!(caller instanceof GraphQLError)) {
      notes.credentialId = caller.credential?.logId ?? null;
      if (caller.viewer.scopes.has('ADMIN')) return route(request, notes);
    }
    const refusal = caller instanceof GraphQLError ? caller : NEEDS_ADMIN;
    notes.noteErrors([refusal]);
    return writeAnswer({ errors: [refusal] }, 'application/json');
  };
}

const NEEDS_ADMIN = requestRefused(
  403,
  'This path needs a key with the scope ADMIN. Send such a key, or set OPERATIONS_PORT to serve the path on a port of its own.',
  { code: 'FORBIDDEN' },
);
