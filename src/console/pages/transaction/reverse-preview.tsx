import { isRefusal, type PreviewResult } from '../../../client/index.ts';
import { Failed } from '../../kit/states.tsx';
import { Balances } from '../../parts/payments/balances.tsx';
import { RefusalView } from '../../parts/refusal.tsx';

interface ReversePreviewProps {
  /** Undefined while it is read. */
  readonly result: PreviewResult | undefined;
  readonly error: unknown;
  readonly onRetry: () => void;
}

/** The balances that a reversal would leave, or the reason why it would be refused. */
export function ReversePreview({ result, error, onRetry }: ReversePreviewProps) {
  if (result === undefined) {
    return error === null ? (
      <p role="status" className="quiet">
        Reading the balances that this leaves …
      </p>
    ) : (
      <Failed error={error} onRetry={onRetry} />
    );
  }
  if (isRefusal(result)) return <RefusalView refusal={result} tone="warning" />;
  return <Balances caption="Balances that this leaves" entries={result.entries} />;
}
