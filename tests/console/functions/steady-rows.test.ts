import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  nextSteady,
  type Reading,
  type Steady,
  startSteady,
  waitingRows,
} from '../../../src/console/kit/lists/steady-rows.ts';

interface Row {
  readonly id: number;
  readonly value: number;
}

const keyOf = ({ id }: Row) => String(id);

/** Remembers every row that it has ever seen, and decides anew at each reading. */
class PlainList {
  readonly #seen = new Map<string, Row>();
  #list: string | undefined;
  #shown: readonly string[] = [];
  #first: readonly string[] = [];

  constructor(reading: Reading<Row>) {
    this.#begin(reading);
  }

  read(reading: Reading<Row>): {
    rows: readonly Row[];
    waiting: readonly string[];
    isNew: readonly boolean[];
  } {
    const { latest, isInUse, list } = reading;
    for (const row of latest) this.#seen.set(keyOf(row), row);
    if (list !== undefined && list !== this.#list) this.#begin(reading);
    else if (!isInUse || list !== this.#list) this.#shown = latest.map(keyOf);
    return {
      rows: this.#shown.flatMap((key) => this.#seen.get(key) ?? []),
      waiting: latest.map(keyOf).filter((key) => !this.#shown.includes(key)),
      isNew: this.#shown.map((key) => !this.#first.includes(key)),
    };
  }

  #begin({ latest, list }: Reading<Row>): void {
    this.#seen.clear();
    for (const row of latest) this.#seen.set(keyOf(row), row);
    this.#list = list;
    this.#shown = latest.map(keyOf);
    this.#first = this.#shown;
  }
}

/** Readings of lists whose rows come at the top, change their values, and leave the page at its end. */
const readings = fc.array(
  fc.record({
    added: fc.nat({ max: 3 }),
    changed: fc.nat({ max: 4 }),
    isInUse: fc.boolean(),
    isRead: fc.boolean(),
    goesOn: fc.integer({ min: 0, max: 9 }).map((number) => number > 0),
  }),
  { minLength: 1, maxLength: 30 },
);

test('a list shows the same rows as one that remembers everything, for random readings', () => {
  fc.assert(
    fc.property(readings, (steps) => {
      let [lists, ids, version] = [0, 0, 0];
      let rows: Row[] = [];
      let steady: Steady<Row> | undefined;
      let plain: PlainList | undefined;
      for (const { added, changed, isInUse, isRead, goesOn } of steps) {
        if (!goesOn) {
          lists += 1;
          rows = [];
        }
        version += 1;
        const fresh = Array.from({ length: added }, () => ({ id: ++ids, value: version }));
        rows = [...fresh.toReversed(), ...rows].slice(0, 5);
        rows = rows.map((row, place) => (place === changed ? { ...row, value: version } : row));
        const list = isRead ? `list ${lists}` : undefined;
        const reading: Reading<Row> = { latest: rows, keyOf, isInUse, list };
        steady = steady === undefined ? startSteady(reading) : nextSteady(steady, reading);
        plain ??= new PlainList(reading);
        const { first, rows: shown } = steady;
        expect({
          rows: shown,
          waiting: waitingRows(steady, reading),
          isNew: shown.map((row) => !first.has(keyOf(row))),
        }).toEqual((({ waiting, ...same }) => ({ ...same, waiting: waiting.length }))(plain.read(reading)));
        // A component that renders until nothing changes comes to an end.
        expect(nextSteady(steady, reading)).toBe(steady);
      }
    }),
    { numRuns: 2000 },
  );
});
