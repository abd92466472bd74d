/** Returns the q-quantile: a share `q` of the values is at most this large. */
export function quantile(values: readonly number[], q: number): number {
  const place = Math.min(values.length - 1, Math.floor(values.length * q));
  return values.toSorted((a, b) => a - b)[place] ?? Number.NaN;
}

export function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
