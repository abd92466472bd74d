import { useState } from 'react';
import { explainFailure } from '../../data/failures.ts';
import { explainRefusal } from '../../data/payments/refusals.ts';
import { Button } from '../../kit/button.tsx';
import { Dialog } from '../../kit/dialog.tsx';
import { Notice } from '../../kit/notice.tsx';
import type { PaymentState } from '../../parts/payments/use-payment.ts';
import { RefusalView } from '../../parts/refusal.tsx';

interface OutcomeProps {
  readonly state: PaymentState;
  readonly onGiveUp: () => void;
  /** Starts another payment with the same values. */
  readonly onStartNew: () => void;
}

/** Says what is known of an attempt that was not posted: it was refused, failed, or has no outcome yet. */
export function Outcome({ state, onGiveUp, onStartNew }: OutcomeProps) {
  if (state.kind === 'undecided') return <Undecided state={state} onGiveUp={onGiveUp} />;
  if (state.kind !== 'editing') return null;
  if (state.refusal !== undefined) return <RefusalView refusal={state.refusal} />;
  if (state.error === undefined) return null;
  const { title, advice, details } = explainFailure(state.error);
  return (
    <Notice tone="bad" title={title} actions={<Button onPress={onStartNew}>Start a new one</Button>}>
      <p>{advice}</p>
      <Details text={details} />
    </Notice>
  );
}

interface UndecidedProps {
  readonly state: Extract<PaymentState, { readonly kind: 'undecided' }>;
  readonly onGiveUp: () => void;
}

function Undecided({ state: { refusal, error }, onGiveUp }: UndecidedProps) {
  const [isLeaving, setLeaving] = useState(false);
  const why =
    refusal !== undefined
      ? { title: explainRefusal(refusal).title, details: `${refusal.code} ${refusal.message}` }
      : error !== undefined
        ? explainFailure(error)
        : undefined;
  return (
    <Notice
      tone="warning"
      title={why?.title ?? 'This was sent before the page was loaded again. Its result was not shown.'}
      actions={
        <Button kind="quiet" onPress={() => setLeaving(true)}>
          Give up this payment
        </Button>
      }
    >
      <p>
        “Try again” sends the same request with the same key. If the ledger has executed it, you get the
        recorded result; otherwise it is executed now. It is never executed twice. The values are locked until
        the outcome is known.
      </p>
      {why === undefined ? null : <Details text={why.details} />}
      {isLeaving ? (
        <Dialog
          title="Give up without the outcome?"
          description="The payment may have been posted, or may still be posted. Look for it in the transactions before you send another one."
          onClose={() => setLeaving(false)}
        >
          <div className="row">
            <Button kind="danger" onPress={onGiveUp}>
              Give up and start a new one
            </Button>
            <Button onPress={() => setLeaving(false)}>Keep it</Button>
          </div>
        </Dialog>
      ) : null}
    </Notice>
  );
}

function Details({ text }: { readonly text: string }) {
  return (
    <details>
      <summary>Details</summary>
      <p className="details">{text}</p>
    </details>
  );
}
