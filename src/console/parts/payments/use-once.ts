import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { isRefusal, type MutationOptions, OutcomeUnknown } from '../../../client/index.ts';
import { newDraft, readDraft, removeDraft, writeDraft } from '../../data/payments/drafts.ts';
import { isUndecided, type Refusal } from '../../data/payments/refusals.ts';
import { useSession } from '../../session/session-context.ts';

interface AnyResult {
  readonly __typename: string;
}

/** The state of a change that is sent. */
export type OnceState =
  | { readonly kind: 'editing'; readonly refusal?: Refusal; readonly error?: unknown }
  | { readonly kind: 'sending' }
  /** It was sent, and its outcome is not known: only the same values, sent again, have the outcome. */
  | { readonly kind: 'undecided'; readonly refusal?: Refusal; readonly error?: unknown };

export interface Once<Values, Result> {
  readonly values: Values;
  readonly state: OnceState;
  change(values: Partial<Values>): void;
  /** Sends the values. Returns the result if the ledger did it, undefined otherwise: see `state`. */
  send(call: (options: MutationOptions) => Promise<Result>): Promise<Result | undefined>;
  /** Gives up an undecided attempt: the values can be changed, and are sent as another one. */
  startAgain(): void;
}

/** How long a change may take with all its attempts before the page says that its outcome is not known. */
const PATIENCE_MS = 8_000;

/**
 * Keeps the values of a form that changes something other than money, and sends them once. A double click has one result. If the
 * response is lost, the values stay as they are, and sending them again has the result of the first attempt. The tab keeps values
 * that were sent under `name` until their outcome is known, also if the form is closed or the page is reloaded.
 */
export function useOnce<Values extends object, Result extends AnyResult>(
  name: string,
  initial: Values,
): Once<Values, Result> {
  const { ledger, viewer } = useSession();
  const stored = `${ledger.name}:${viewer.owner ?? ''}:${viewer.actor?.id ?? ''}:${name}`;
  const queryClient = useQueryClient();
  const [draft, setDraft] = useState(
    () => readDraft<Values, true>(stored) ?? newDraft<Values, true>(initial),
  );
  const [state, setState] = useState<OnceState>({ kind: draft.sent === true ? 'undecided' : 'editing' });
  const isSending = useRef(false);

  const forget = () => {
    removeDraft(stored);
    setDraft(newDraft<Values, true>(draft.values));
  };
  const send = async (call: (options: MutationOptions) => Promise<Result>) => {
    if (isSending.current) return undefined;
    isSending.current = true;
    const wasSent = draft.sent === true;
    setState({ kind: 'sending' });
    try {
      const sent = { ...draft, sent: true } as const;
      writeDraft(stored, sent);
      setDraft(sent);
      const result = await call({ intent: draft.intent, deadlineMs: PATIENCE_MS });
      const refusal = isRefusal(result) ? (result as unknown as Refusal) : undefined;
      if (refusal !== undefined && isUndecided(refusal, wasSent)) {
        setState({ kind: 'undecided', refusal });
        return undefined;
      }
      forget();
      setState(refusal === undefined ? { kind: 'editing' } : { kind: 'editing', refusal });
      return refusal === undefined ? result : undefined;
    } catch (error) {
      // All other errors mean that this call was not executed. An earlier one of the same draft may have been.
      if (!(error instanceof OutcomeUnknown) && !wasSent) {
        forget();
        setState({ kind: 'editing', error });
      } else setState({ kind: 'undecided', error });
      return undefined;
    } finally {
      isSending.current = false;
      void queryClient.invalidateQueries();
    }
  };

  return {
    values: draft.values,
    state,
    change: (values) => {
      if (state.kind !== 'editing') return;
      setDraft({ ...draft, values: { ...draft.values, ...values } });
    },
    send,
    startAgain: () => {
      forget();
      setState({ kind: 'editing' });
    },
  };
}
