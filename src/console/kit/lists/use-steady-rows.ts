import { useState } from 'react';
import { nextSteady, type Reading, startSteady, waitingRows } from './steady-rows.ts';

export interface SteadyRows<Row> {
  readonly rows: readonly Row[];
  /** How many rows wait to be shown. */
  readonly newRows: number;
  /** Whether a row came after the list was first shown. */
  isNew(row: Row): boolean;
  /** Shows the rows that wait. */
  showAll(): void;
}

/** Returns the rows to show of a list that is read again and again: see `nextSteady`. */
export function useSteadyRows<Row>(reading: Reading<Row>): SteadyRows<Row> {
  const { keyOf, list } = reading;
  const [last, setLast] = useState(() => startSteady(reading));
  const shown = nextSteady(last, reading);
  if (shown !== last) setLast(shown);
  return {
    rows: shown.rows,
    newRows: waitingRows(shown, reading),
    isNew: (row) => list !== undefined && !shown.first.has(keyOf(row)),
    showAll: () => setLast(nextSteady(shown, { ...reading, isInUse: false })),
  };
}
