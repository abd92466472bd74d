/** Rows as parameters: one array for each column, so that a statement's text does not depend on the number of rows. */
import { type RawBuilder, sql } from 'kysely';
import { binaryArray, type Elements } from '../postgres/binary-array.ts';

/** A column that is written: its name and type in PostgreSQL, and its value in a row. */
export type Column<Row> = {
  readonly [T in keyof Elements]: {
    readonly name: string;
    readonly type: T;
    readonly value: (row: Row) => Elements[T] | null;
    /** Never null, and often the same in all rows: then it is sent once. */
    readonly repeats?: true;
  };
}[keyof Elements];

/** Values of a prepared query by their names. */
export type NamedValues = Readonly<Record<string, unknown>>;

/** The array of a column's values. */
export function arrayOf<Row, T extends keyof Elements>(
  { type, value }: Column<Row> & { readonly type: T; readonly value: (row: Row) => Elements[T] | null },
  rows: readonly Row[],
): Buffer {
  return binaryArray(type, rows.map(value));
}

/** Rows that a prepared query receives. The columns give both the query's text and its values. */
export class RowArrays<Row> {
  readonly #name: string;
  readonly #columns: readonly Column<Row>[];

  /** The name tells the rows apart from others of the same query. */
  constructor(name: string, columns: readonly Column<Row>[]) {
    this.#name = name;
    this.#columns = columns;
  }

  /** The names of the columns. */
  get names(): RawBuilder<unknown> {
    return sql.join(this.#columns.map(({ name }) => sql.ref(name)));
  }

  /** The rows, as an item of FROM with the alias `u`. */
  from(parameters: NamedValues): RawBuilder<unknown> {
    const arrays = this.#columns.map(
      ({ name, type }) => sql`${parameters[this.#arrayName(name)]}::${sql.raw(type)}[]`,
    );
    return sql`unnest(${sql.join(arrays)}) as u (${this.names})`;
  }

  /** The columns' values in such a row, for SELECT. */
  select(parameters: NamedValues): RawBuilder<unknown> {
    return sql.join(
      this.#columns.map(({ name, type, repeats }) =>
        repeats
          ? sql`coalesce(${sql.ref(name)}, ${parameters[this.#commonName(name)]}::${sql.raw(type)})`
          : sql.ref(name),
      ),
    );
  }

  /** The values of the parameters, one column after the other. */
  *values(rows: readonly Row[]): Generator<NamedValues> {
    for (const column of this.#columns) yield this.#valuesOf(column, rows);
  }

  #valuesOf<T extends keyof Elements>(
    {
      name,
      type,
      value,
      repeats,
    }: Column<Row> & { readonly type: T; readonly value: (row: Row) => Elements[T] | null },
    rows: readonly Row[],
  ): NamedValues {
    const values = rows.map(value);
    const [first = null] = values;
    const areSame = (repeats || first === null) && values.every((each) => each === first);
    // unnest fills up a shorter array with nulls.
    const array = { [this.#arrayName(name)]: binaryArray(type, areSame ? [] : values) };
    if (!repeats) return array;
    return { ...array, [this.#commonName(name)]: areSame && first !== null ? `${first}` : null };
  }

  #arrayName(column: string): string {
    return `${this.#name}.${column}`;
  }

  #commonName(column: string): string {
    return `${this.#name}.${column} of all rows`;
  }
}
