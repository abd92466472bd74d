/** The rows have currencies that this process has not loaded. The caller loads them and reads again. */
export class UnknownCurrenciesError extends Error {
  override readonly name = 'UnknownCurrenciesError';
  readonly codes: ReadonlySet<string>;

  constructor(codes: ReadonlySet<string>) {
    super(`currencies that are not loaded: ${[...codes].slice(0, 20).join(', ')}`);
    this.codes = codes;
  }
}

/** Maps all rows. If currencies are unknown, one error names them all, so that they are loaded together. */
export function mapRows<Row, T>(rows: readonly Row[], map: (row: Row) => T): T[] {
  const mapped: T[] = [];
  const unknown = new Set<string>();
  for (const row of rows) {
    try {
      mapped.push(map(row));
    } catch (error) {
      if (!(error instanceof UnknownCurrenciesError)) throw error;
      for (const code of error.codes) unknown.add(code);
    }
  }
  if (unknown.size > 0) throw new UnknownCurrenciesError(unknown);
  return mapped;
}
