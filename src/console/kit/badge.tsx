import type { Tone } from './notice.tsx';

interface BadgeProps {
  readonly tone: Tone;
  readonly children: string;
}

/** A short state, such as "Frozen". Its words say what its colour says. */
export function Badge({ tone, children }: BadgeProps) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

/** Returns an enum's value as a word: `CREDIT` is "Credit". */
export function wordOf(value: string): string {
  return value.charAt(0) + value.slice(1).toLowerCase().replaceAll('_', ' ');
}
