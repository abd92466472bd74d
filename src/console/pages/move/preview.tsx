import { useState } from 'react';
import { isRefusal, type Operation, type PreviewResult } from '../../../client/index.ts';
import { Section } from '../../kit/page.tsx';
import { Failed } from '../../kit/states.tsx';
import { Balances } from '../../parts/payments/balances.tsx';
import { usePreview } from '../../parts/payments/use-preview.ts';
import { RefusalView } from '../../parts/refusal.tsx';

interface PreviewProps {
  /** Undefined while the form is incomplete. */
  readonly operation: Operation | undefined;
}

/** The balances that an operation would leave. It is refreshed as the balances change. */
export function Preview({ operation }: PreviewProps) {
  const { data, error, refetch } = usePreview(operation);
  const [last, setLast] = useState<PreviewResult>();
  if (data !== undefined && data !== last) setLast(data);
  // The last preview stays while a person types, so that the page does not jump.
  const shown = operation === undefined ? undefined : (data ?? last);
  return (
    <Section title="Preview">
      {operation === undefined ? (
        <p className="quiet">Complete the form to see the balances that it leaves.</p>
      ) : error !== null && data === undefined ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : shown === undefined ? (
        <p className="quiet" role="status">
          Computing the balances …
        </p>
      ) : (
        <div className={data === undefined ? 'stale' : undefined} aria-busy={data === undefined || undefined}>
          {isRefusal(shown) ? (
            <div className="stack">
              <p>At this moment the ledger would refuse this:</p>
              <RefusalView refusal={shown} tone="warning" />
            </div>
          ) : (
            <Balances caption="Balances before and after" entries={shown.entries} />
          )}
        </div>
      )}
    </Section>
  );
}
