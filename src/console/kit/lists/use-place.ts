import { useSearchParams } from 'wouter';
import type { Place } from '../../data/pages.ts';

export interface PlaceControl {
  readonly place: Place;
  /** Whether the list is at its beginning, where new rows appear. */
  readonly isFirst: boolean;
  go(place: Place): void;
}

/** The place of a list that only shows its newest rows. */
export const NEWEST: PlaceControl = { place: {}, isFirst: true, go: () => {} };

/**
 * Returns where a list of the page is, which its address keeps: a reload or a link shows the same rows. `name` tells the lists of one
 * page apart.
 */
export function usePlace(name = ''): PlaceControl {
  const [params, setParams] = useSearchParams();
  const [afterName, beforeName] = name === '' ? ['after', 'before'] : [`${name}-after`, `${name}-before`];
  const place = { after: params.get(afterName) ?? undefined, before: params.get(beforeName) ?? undefined };
  return {
    place,
    isFirst: place.after === undefined && place.before === undefined,
    go: ({ after, before }) =>
      setParams((old) => {
        const next = new URLSearchParams(old);
        next.delete(afterName);
        next.delete(beforeName);
        if (after !== undefined) next.set(afterName, after);
        if (before !== undefined) next.set(beforeName, before);
        return next;
      }),
  };
}
