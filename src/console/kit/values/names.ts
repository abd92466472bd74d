interface Named {
  readonly owner: string;
  readonly externalId?: string | null;
  readonly kind: 'STANDARD' | 'EXTERNAL';
  readonly currency: string;
}

/**
 * Returns what people call an account: its owner, with its externalId where it has one. No owner has the name of an external account:
 * the others end with a currency in parentheses, or have a comma.
 */
export function nameOf({ owner, externalId, kind, currency }: Named): string {
  if (kind === 'EXTERNAL') return `External ${currency} account`;
  if (externalId == null || externalId === owner) return `${owner} (${currency})`;
  return `${owner}, ${externalId}`;
}
