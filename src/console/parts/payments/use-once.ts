import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { DoneOf, LedgerClient } from '../../../client/index.ts';
import { readDraft, tabStorage } from '../../data/payments/drafts.ts';
import { type Attempt, SendOnce, type SendState } from '../../data/payments/send-once.ts';
import { ROOT } from '../../data/place.ts';
import { useSession } from '../../session/session-context.ts';

interface AnyResult {
  readonly __typename: string;
}

/** Sends a request of a form under the names of its attempt. */
export type Send<Request, Result> = (
  client: LedgerClient,
  request: Request,
  attempt: Attempt & { readonly deadlineMs: number },
) => Promise<Result>;

export interface Once<Values, Request, Result> {
  readonly values: Values;
  readonly state: SendState<Result>;
  change(values: Partial<Values>): void;
  /**
   * Sends the request. An undecided attempt sends its own request again, to get the outcome. Pressed twice, or after a reload, it is
   * executed once. Returns the result if the ledger did it and the form is still shown.
   */
  send(request?: Request): Promise<DoneOf<Result> | undefined>;
  /** Starts another attempt, with the values that the form began with or with given ones. An undecided one is given up. */
  startNew(values?: Partial<Values>): void;
}

/** How long a request is retried before the page says that its outcome is unknown. */
const DEADLINE_MS = 10_000;

/** Keeps the values of a form, and sends them once: see `SendOnce`. `name` names the form. */
export function useOnce<Values extends object, Request, Result extends AnyResult>(
  name: string,
  initial: Values,
  send: Send<Request, Result>,
  isLasting = false,
): Once<Values, Request, Result> {
  const { client } = useSession();
  const queryClient = useQueryClient();
  const stored = useDraftName()(name);
  const [form] = useState(
    () => new SendOnce<Values, Request, Result>({ storage: tabStorage, name: stored, initial, isLasting }),
  );
  const { draft, state } = useSyncExternalStore(form.subscribe, form.getSituation);
  const isShown = useRef(false);
  useEffect(() => {
    isShown.current = true;
    const leave = form.enter();
    return () => {
      isShown.current = false;
      leave();
    };
  }, [form]);
  return {
    values: draft.values,
    state,
    change: form.change,
    send: async (given) => {
      const done = await form.send(
        (request, attempt) => send(client, request, { ...attempt, deadlineMs: DEADLINE_MS }),
        given,
      );
      // All that is shown may have changed.
      void queryClient.invalidateQueries();
      return isShown.current ? done : undefined;
    },
    startNew: form.startNew,
  };
}

/** Returns the first of the forms whose request had no outcome when the page was loaded. */
export function useUndecided<Name extends string>(names: readonly Name[]): Name | undefined {
  const nameOf = useDraftName();
  const [found] = useState(() =>
    names.find((name) => readDraft(tabStorage, nameOf(name))?.sent !== undefined),
  );
  return found;
}

/** Returns the function that names the draft of a form. */
function useDraftName(): (form: string) => string {
  const { ledger, viewer } = useSession();
  // Services below other paths of the same origin share the storage of the browser.
  // A request belongs to the actor that began it: another key of the same tab neither shows nor repeats it.
  return (form) => `${ROOT}:${ledger.name}:${viewer.owner ?? ''}:${viewer.actor?.id ?? ''}:${form}`;
}
