/** The shown part of a list that is read again and again. */
export interface Steady<Row> {
  /** Names the list, by its filter and its place. */
  readonly list: string | undefined;
  /** The keys of the rows that the list had when it was first shown. */
  readonly first: ReadonlySet<string>;
  readonly rows: readonly Row[];
}

export interface Reading<Row> {
  readonly latest: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** A person reads the list, or is about to press one of its rows. */
  readonly isInUse: boolean;
  /** The list that was read. Undefined: another list is being read, and `latest` is what is left of the old one. */
  readonly list: string | undefined;
}

/** Returns what is shown first. */
export function startSteady<Row>({ latest, keyOf, list }: Reading<Row>): Steady<Row> {
  return { list, first: new Set(latest.map(keyOf)), rows: latest };
}

/**
 * Returns what is shown after a reading. While the list is in use, the same rows are shown in the same places, with their latest
 * values; rows that were added wait. Another list is shown at once. Returns the same object if nothing changes.
 */
export function nextSteady<Row>(shown: Steady<Row>, reading: Reading<Row>): Steady<Row> {
  const { latest, keyOf, list } = reading;
  if (list !== undefined && list !== shown.list) return startSteady(reading);
  const rows = isHeld(shown, reading) ? withLatest(shown.rows, latest, keyOf) : latest;
  const isSame = rows.length === shown.rows.length && rows.every((row, place) => row === shown.rows[place]);
  return isSame ? shown : { ...shown, rows };
}

/** Returns how many rows wait to be shown. */
export function waitingRows<Row>({ rows }: Steady<Row>, { latest, keyOf }: Reading<Row>): number {
  const keys = new Set(rows.map(keyOf));
  return latest.filter((row) => !keys.has(keyOf(row))).length;
}

function isHeld<Row>(shown: Steady<Row>, { isInUse, list }: Reading<Row>): boolean {
  return isInUse && list === shown.list;
}

function withLatest<Row>(
  rows: readonly Row[],
  latest: readonly Row[],
  keyOf: (row: Row) => string,
): readonly Row[] {
  const byKey = new Map(latest.map((row) => [keyOf(row), row]));
  return rows.map((row) => byKey.get(keyOf(row)) ?? row);
}
