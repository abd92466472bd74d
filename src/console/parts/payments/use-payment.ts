import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { isRefusal, type Operation, OutcomeUnknown, type PostedOf } from '../../../client/index.ts';
import {
  changed,
  type Draft,
  newDraft,
  randomText,
  readDraft,
  removeDraft,
  settleDraft,
  unsent,
  writeDraft,
} from '../../data/payments/drafts.ts';
import { type SentResult, sendWithKey } from '../../data/payments/operations.ts';
import { isUndecided, type Refusal } from '../../data/payments/refusals.ts';
import { ROOT } from '../../data/place.ts';
import { useSession } from '../../session/session-context.ts';

/** The state of the payment of a form, as far as the page knows it. */
export type PaymentState =
  | { readonly kind: 'editing'; readonly refusal?: Refusal; readonly error?: unknown }
  | { readonly kind: 'sending' }
  /** It was sent, and its outcome is not known: the values cannot be changed until it is. */
  | { readonly kind: 'undecided'; readonly error?: unknown; readonly refusal?: Refusal }
  | { readonly kind: 'posted'; readonly result: PostedOf<SentResult> };

export interface Payment<Values> {
  readonly values: Values;
  readonly state: PaymentState;
  change(values: Partial<Values>): void;
  /**
   * Sends the operation. An undecided payment sends the operation of its first attempt again, to get the outcome. Pressed twice, or
   * after a reload, it is executed once.
   */
  pay(operation?: Operation): Promise<void>;
  /** Starts another payment, with the values that the form began with or with given ones. The last one keeps its outcome. */
  startNew(values?: Partial<Values>): void;
}

/** How long a payment is retried before the page says that its outcome is unknown. */
const PAYMENT_DEADLINE_MS = 10_000;

/**
 * Keeps the values of a form that moves money, and sends them once.
 *
 * `name` names the form; the values survive a reload under it, unless the form begins with other `initial` values than before. The
 * operation is stored before the first request, with the intent that keeps its idempotency key. After a reload, a sent draft is
 * undecided: `pay` repeats the stored operation with the same key, and returns what happened.
 *
 * The intent stays the same after a refusal, for which the client forgets the key: a duplicate of the tab that repeats the payment
 * then gets the result of this one.
 */
export function usePayment<Values extends object>(name: string, initial: Values): Payment<Values> {
  const { client, ledger, viewer } = useSession();
  // Services below other paths of the same origin share the storage of the browser.
  // A payment belongs to the actor that began it: another key of the same tab neither shows nor repeats it.
  const stored = `${ROOT}:${ledger.name}:${viewer.owner ?? ''}:${viewer.actor?.id ?? ''}:${name}`;
  const queryClient = useQueryClient();
  const [draft, setDraft] = useState<Draft<Values>>(() => draftOf(stored, initial));
  const [state, setState] = useState<PaymentState>(() => stateOf(draft));
  // A second press may come before the page is rendered again. It needs the draft and the state of the first one.
  const latest = useRef({ draft, state });
  useEffect(() => {
    try {
      // A duplicate of the tab has the intent of this form, also where nothing was typed.
      writeDraft(stored, latest.current.draft);
    } catch {
      // See change.
    }
    return () => {
      // The result was seen: the form begins anew when it is opened again. A reload does not come here.
      if (latest.current.state.kind === 'posted') settleDraft(stored, latest.current.draft.intent);
    };
  }, [stored]);

  const show = (next: PaymentState, nextDraft = latest.current.draft) => {
    latest.current = { draft: nextDraft, state: next };
    setDraft(nextDraft);
    setState(next);
  };

  const change = (values: Partial<Values>) => {
    if (latest.current.state.kind !== 'editing') return;
    const next = changed(latest.current.draft, values);
    // A refusal of the old values says nothing of the new ones.
    show({ kind: 'editing' }, next);
    try {
      writeDraft(stored, next);
    } catch {
      // Without storage the values do not survive a reload. `pay` reports it.
    }
  };

  const pay = async (given?: Operation) => {
    const { draft: begun, state: before } = latest.current;
    if (before.kind === 'sending' || before.kind === 'posted') return;
    const wasSent = begun.sent !== undefined;
    const operation = begun.sent ?? given;
    if (operation === undefined) return;
    const { intent } = begun;
    const settled = unsent(begun);
    try {
      const key = begun.key ?? randomText();
      const marked = { ...begun, sent: operation, key };
      writeDraft(stored, marked);
      show({ kind: 'sending' }, marked);
      const options = { intent, deadlineMs: PAYMENT_DEADLINE_MS };
      const result = await sendWithKey(client, operation, key, options);
      if (!isRefusal(result)) {
        // The page may have been left. It shows the result when it is opened again.
        const posted = { ...settled, posted: result };
        settleDraft(stored, intent, posted);
        show({ kind: 'posted', result }, posted);
      } else if (isUndecided(result, wasSent)) show({ kind: 'undecided', refusal: result });
      else {
        const kept = { ...settled, isRejected: isUndecided(result, true) };
        settleDraft(stored, intent, kept);
        show({ kind: 'editing', refusal: result }, kept);
      }
    } catch (error) {
      // All other errors mean that this call was not executed. An earlier one of the same draft may have been.
      if (wasSent || error instanceof OutcomeUnknown) show({ kind: 'undecided', error });
      else {
        const kept = { ...settled, isRejected: true };
        show({ kind: 'editing', error }, kept);
        settleDraft(stored, intent, kept);
      }
    } finally {
      // All that is shown may have changed.
      void queryClient.invalidateQueries();
    }
  };

  const startNew = (values: Partial<Values> = {}) => {
    const next = { ...newDraft(initial), values: { ...initial, ...values } };
    removeDraft(stored);
    show({ kind: 'editing' }, next);
    try {
      writeDraft(stored, next);
    } catch {
      // See change.
    }
  };

  return { values: draft.values, state, change, pay, startNew };
}

function stateOf({ sent, posted }: Draft<unknown>): PaymentState {
  if (posted !== undefined) return { kind: 'posted', result: posted as PostedOf<SentResult> };
  return sent === undefined ? { kind: 'editing' } : { kind: 'undecided' };
}

/** A link that fills the form replaces typed values. It never replaces a payment without an outcome. */
function draftOf<Values>(stored: string, initial: Values): Draft<Values> {
  const kept = readDraft<Values>(stored);
  if (kept === undefined) return newDraft(initial);
  const isSame = JSON.stringify(kept.initial) === JSON.stringify(initial);
  return kept.sent !== undefined || isSame ? kept : newDraft(initial);
}
