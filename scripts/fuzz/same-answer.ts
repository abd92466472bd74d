import { isDeepStrictEqual } from 'node:util';

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly { readonly path?: readonly (string | number)[] }[];
}

/**
 * Returns whether two answers, as JSON, are equivalent. Of several errors that null the same place, the specification lets a server
 * report any. Then each answer must have at least one of them, and errors in both must be equal.
 */
export function isSameAnswer(expected: string, given: string): boolean {
  if (expected === given) return true;
  const [one, other] = [expected, given].map((text) => JSON.parse(text) as Answer);
  if (one?.data == null || !isDeepStrictEqual(withoutErrors(one), withoutErrors(other ?? {}))) return false;
  const [ones, others] = [one, other ?? {}].map(errorsByPlace);
  if (ones === undefined || others === undefined || ones.size !== others.size) return false;
  for (const [place, errors] of ones) {
    const counterparts = others.get(place);
    if (counterparts === undefined) return false;
    for (const [path, error] of errors) {
      const counterpart = counterparts.get(path);
      if (counterpart !== undefined && !isDeepStrictEqual(error, counterpart)) return false;
    }
  }
  return true;
}

function withoutErrors({ errors: _, ...rest }: Answer): Answer {
  return rest;
}

/** Returns the errors by the place that they nulled, and by their own path. */
function errorsByPlace({ data, errors = [] }: Answer): Map<string, Map<string, unknown>> {
  const places = new Map<string, Map<string, unknown>>();
  for (const error of errors) {
    const path = error.path ?? [];
    let value: unknown = data;
    let depth = 0;
    while (depth < path.length && value != null) {
      value = (value as Record<string | number, unknown>)[path[depth] ?? ''];
      depth += 1;
    }
    const place = JSON.stringify(path.slice(0, depth));
    const samePlace = places.get(place) ?? new Map<string, unknown>();
    places.set(place, samePlace.set(JSON.stringify(path), error));
  }
  return places;
}
