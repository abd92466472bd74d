interface Named {
  readonly owner: string;
  readonly externalId?: string | null;
  readonly kind: 'STANDARD' | 'EXTERNAL';
  readonly currency: string;
}

/** Returns what people call an account: its owner, with its externalId where it has one. */
export function nameOf({ owner, externalId, kind, currency }: Named): string {
  if (kind === 'EXTERNAL') return `Outside (${currency})`;
  if (externalId == null || externalId === owner) return `${owner} (${currency})`;
  return `${owner}, ${externalId}`;
}
