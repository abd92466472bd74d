/** The value that the share `q` of them does not pass. */
export function quantile(values: readonly number[], q: number): number {
  const place = Math.min(values.length - 1, Math.floor(values.length * q));
  return values.toSorted((a, b) => a - b)[place] ?? Number.NaN;
}

export function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
