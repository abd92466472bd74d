import { useEffect, useRef, useState } from 'react';
import { IntentConflict, OutcomeUnknown } from '../../../client/index.ts';
import { explainFailure } from '../../data/failures.ts';
import { explainRefusal, REPEATABLE } from '../../data/payments/refusals.ts';
import type { SendState } from '../../data/payments/send-once.ts';
import { Button } from '../../kit/button.tsx';
import { Dialog } from '../../kit/dialog.tsx';
import { Notice } from '../../kit/notice.tsx';
import { RefusalView } from '../refusal.tsx';

interface OutcomeProps {
  readonly state: SendState<unknown>;
  /** The name of the request, such as "payment". */
  readonly what: string;
  /** Sends it again. Omitted where the button of the form does that. */
  readonly onRetry?: () => void;
  /** For a request that is executed once, however often it is sent. */
  readonly attempt?: {
    /** Where its effect is seen, such as "the transactions". */
    readonly place: string;
    onGiveUp(): void;
    /** Starts another attempt, with the same values. */
    onStartNew?: () => void;
  };
  /** What to do about an unknown outcome, if another request would be another change. */
  readonly ifUnknown?: string;
}

/**
 * Says what is known of a request that the ledger did not do: it was refused, it failed, or it has no outcome yet. It is scrolled into
 * view: the form may be longer than the screen.
 */
export function Outcome(props: OutcomeProps) {
  const { kind } = props.state;
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (kind !== 'sending') element.current?.scrollIntoView({ block: 'nearest' });
  }, [kind]);
  const notice = noticeOf(props);
  return notice === null ? null : <div ref={element}>{notice}</div>;
}

function noticeOf({ state, what, onRetry, attempt, ifUnknown }: OutcomeProps) {
  if (state.kind !== 'editing' && state.kind !== 'undecided') return null;
  const { refusal, error } = state;
  const retry =
    onRetry === undefined ? null : (
      <Button kind="primary" onPress={onRetry}>
        Try again
      </Button>
    );
  if (state.kind === 'undecided') {
    const why =
      refusal !== undefined
        ? { ...explainRefusal(refusal), details: `${refusal.code} ${refusal.message}` }
        : error !== undefined
          ? explainFailure(error)
          : undefined;
    return (
      <Notice
        tone="warning"
        title={
          why?.title ?? `This ${what} was sent. Its result was not shown, and its outcome is not known yet.`
        }
        actions={
          <>
            {retry}
            {attempt === undefined ? null : <GiveUp what={what} {...attempt} />}
          </>
        }
      >
        {why === undefined || why.advice === REPEATABLE ? null : <p>{why.advice}</p>}
        <p>
          “Try again” sends the same request with the same key. If the ledger has executed it, you get the
          recorded result; otherwise it is executed now. It is never executed twice. The values are locked
          until the outcome is known.
        </p>
        {why === undefined ? null : <Details text={why.details} />}
      </Notice>
    );
  }
  if (refusal !== undefined) return <RefusalView refusal={refusal} />;
  if (error === undefined) return null;
  const { title, advice, details, kind } = explainFailure(error);
  const isUnrepeatable = ifUnknown !== undefined && error instanceof OutcomeUnknown;
  const isHelped = !isUnrepeatable && kind !== 'rejected' && kind !== 'forbidden';
  const onStartNew = error instanceof IntentConflict ? attempt?.onStartNew : undefined;
  return (
    <Notice
      tone="bad"
      title={
        isUnrepeatable
          ? `The service did not answer. It is not known whether the ${what} was created.`
          : title
      }
      actions={
        onStartNew !== undefined ? (
          <Button onPress={onStartNew}>Start a new one</Button>
        ) : isHelped ? (
          retry
        ) : undefined
      }
    >
      <p>{isUnrepeatable ? ifUnknown : advice}</p>
      <Details text={details} />
    </Notice>
  );
}

interface GiveUpProps {
  readonly what: string;
  readonly place: string;
  readonly onGiveUp: () => void;
}

function GiveUp({ what, place, onGiveUp }: GiveUpProps) {
  const [isLeaving, setLeaving] = useState(false);
  return (
    <>
      <Button kind="quiet" onPress={() => setLeaving(true)}>
        {`Give up this ${what}`}
      </Button>
      {isLeaving ? (
        <Dialog
          title="Give up without the outcome?"
          description={`The ${what} may have been executed, or may still be executed. Look at ${place} before you send another one.`}
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
    </>
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
