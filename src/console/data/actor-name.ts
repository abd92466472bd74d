interface NamedActor {
  readonly kind: 'API_KEY' | 'CLI' | 'TOKEN';
  readonly name: string;
}

/** Returns who did something, in words. No actor: no credential was needed. */
export function actorName(actor: NamedActor | null): string {
  if (actor === null) return 'No credential';
  if (actor.kind === 'CLI') return 'Command line';
  return actor.kind === 'API_KEY' ? `${actor.name} (key)` : `${actor.name} (token)`;
}
