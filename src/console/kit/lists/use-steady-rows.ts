import { useState } from 'react';

export interface SteadyRows<Row> {
  readonly rows: readonly Row[];
  /** How many rows wait to be shown. */
  readonly newRows: number;
  /** Whether a row came after the list was first shown. */
  isNew(row: Row): boolean;
  /** Shows the rows that wait. */
  showAll(): void;
}

/**
 * Returns the rows to show of a list that is read again and again. While `isInUse`, rows that were added wait, so that the row that
 * a person reads or is about to press stays where it is. Rows that are shown always have their latest values. `list` names the list, by its filter and its
 * place: the rows of another list are shown at once. It is undefined while the other list is being read.
 */
export function useSteadyRows<Row>(
  latest: readonly Row[],
  keyOf: (row: Row) => string,
  isInUse: boolean,
  list: string | undefined,
): SteadyRows<Row> {
  const latestKeys = latest.map(keyOf);
  const [shownKeys, setShownKeys] = useState<readonly string[]>(latestKeys);
  const [last, setLast] = useState(latest);
  const [first, setFirst] = useState(() => ({ list, keys: new Set(latestKeys) }));
  const isHeld = isInUse && first.list === list;
  if (list !== undefined && first.list !== list) setFirst({ list, keys: new Set(latestKeys) });
  const shown = new Set(shownKeys);
  const added = latestKeys.filter((key) => !shown.has(key));
  if (!isHeld && !isSame(shownKeys, latestKeys)) setShownKeys(latestKeys);
  if (last !== latest && (!isHeld || added.length === 0)) setLast(latest);
  const byKey = new Map([...last, ...latest].map((row) => [keyOf(row), row]));
  const rows = isHeld ? shownKeys.flatMap((key) => byKey.get(key) ?? []) : latest;
  return {
    rows,
    newRows: isHeld ? added.length : 0,
    isNew: (row) => list !== undefined && !first.keys.has(keyOf(row)),
    showAll: () => {
      setShownKeys(latestKeys);
      setLast(latest);
    },
  };
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((key, place) => key === other[place]);
}
