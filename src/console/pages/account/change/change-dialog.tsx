import type { FormEvent, ReactNode } from 'react';
import { explainFailure } from '../../../data/failures.ts';
import { Button } from '../../../kit/button.tsx';
import { Dialog } from '../../../kit/dialog.tsx';
import { Notice } from '../../../kit/notice.tsx';
import { RefusalView } from '../../../parts/refusal.tsx';
import { type ChangeState, type SendChange, useChange } from './use-change.ts';

interface ChangeDialogProps {
  readonly title: string;
  /** The effect of the change, in a plain sentence. */
  readonly description: ReactNode;
  /** The button that makes the change, such as "Freeze account". */
  readonly action: string;
  readonly isDangerous?: boolean;
  /** Something stands in the way of the change. */
  readonly isBlocked?: boolean;
  /** Returns the change; undefined where the fields have a mistake, which they show. */
  readonly prepare: () => SendChange | undefined;
  readonly onClose: () => void;
  readonly onDone: () => void;
  readonly children?: ReactNode;
}

/** A dialog that makes one change of an account, once. */
export function ChangeDialog({
  title,
  description,
  action,
  isDangerous = false,
  isBlocked = false,
  prepare,
  onClose,
  onDone,
  children,
}: ChangeDialogProps) {
  const { state, run, repeat } = useChange(onDone);
  const isSending = state.kind === 'sending';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isBlocked || isSending) return;
    const send = prepare();
    if (send !== undefined) void run(send);
  };
  return (
    <Dialog title={title} description={description} onClose={onClose}>
      {state.kind === 'undecided' ? (
        <Outcome state={state} onRepeat={() => void repeat()} />
      ) : (
        <form className="stack" onSubmit={submit}>
          {children}
          <Outcome state={state} />
          <div className="row">
            <Button
              type="submit"
              kind={isDangerous ? 'danger' : 'primary'}
              isBusy={isSending}
              isDisabled={isBlocked}
            >
              {action}
            </Button>
            <Button onPress={onClose}>Cancel</Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

function Outcome({ state, onRepeat }: { readonly state: ChangeState; readonly onRepeat?: () => void }) {
  if (state.kind === 'sending') return null;
  const actions = onRepeat === undefined ? undefined : <Button onPress={onRepeat}>Try again</Button>;
  if (state.refusal !== undefined) return <RefusalView refusal={state.refusal} actions={actions} />;
  if (state.error === undefined) return null;
  const { title, advice, details } = explainFailure(state.error);
  return (
    <Notice tone="bad" title={title} actions={actions}>
      <p>{advice}</p>
      <details>
        <summary>Details</summary>
        <p className="details">{details}</p>
      </details>
    </Notice>
  );
}
