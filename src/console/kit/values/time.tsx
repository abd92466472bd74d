import { formatInstant } from '../../data/instants.ts';

interface TimeProps {
  /** RFC 3339. */
  readonly at: string;
  readonly length?: 'short' | 'full';
}

/** An instant in the viewer's zone, which it names. Its tooltip has the exact instant in UTC. */
export function Time({ at, length = 'short' }: TimeProps) {
  return (
    <time dateTime={at} title={at}>
      {formatInstant(at, length)}
    </time>
  );
}
