import type { ReactNode } from 'react';

interface FactsProps {
  /** Names and values. A value that is null is left out. */
  readonly facts: readonly (readonly [name: string, value: ReactNode])[];
}

/** Facts about one thing, by name. */
export function Facts({ facts }: FactsProps) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) =>
        value === null || value === undefined ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}
