import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import {
  isRefusal,
  type LedgerClient,
  type MutationOptions,
  RequestRejected,
  type UpdateAccountResult,
} from '../../../../client/index.ts';
import { newDraft } from '../../../data/payments/drafts.ts';
import { isUndecided, type Refusal } from '../../../data/payments/refusals.ts';
import { useSession } from '../../../session/session-context.ts';

/** Sends a change of an account. */
export type SendChange = (client: LedgerClient, options: MutationOptions) => Promise<UpdateAccountResult>;

/** The progress of the change of a dialog. */
export type ChangeState =
  | { readonly kind: 'editing'; readonly refusal?: Refusal; readonly error?: unknown }
  | { readonly kind: 'sending' }
  /** It was sent, and its outcome is not known. It can be sent again, and no other change can. */
  | { readonly kind: 'undecided'; readonly refusal?: Refusal; readonly error?: unknown };

export interface Change {
  readonly state: ChangeState;
  run(send: SendChange): Promise<void>;
  /** Sends the last change again, with its key. */
  repeat(): Promise<void>;
}

/** How long a change may take with its retries before the dialog says that its outcome is unknown. */
const DEADLINE_MS = 8_000;

/** Sends a change once, however often it is pressed, and again with the same key where no answer came. `onDone` is called after it. */
export function useChange(onDone: () => void): Change {
  const { client } = useSession();
  const queryClient = useQueryClient();
  const [state, setState] = useState<ChangeState>({ kind: 'editing' });
  const intent = useRef(newDraft({}).intent);
  const last = useRef<SendChange>(undefined);
  const isSending = useRef(false);

  const run = async (send: SendChange) => {
    if (isSending.current) return;
    isSending.current = true;
    last.current = send;
    const wasUndecided = state.kind === 'undecided';
    setState({ kind: 'sending' });
    try {
      const result = await send(client, { intent: intent.current, deadlineMs: DEADLINE_MS });
      if (!isRefusal(result)) {
        const { account } = result;
        // The page shows the new state before it reads it again.
        for (const [queryKey, old] of queryClient.getQueriesData<{ readonly id: string } | null>({
          queryKey: ['account'],
        })) {
          if (old?.id === account.id) queryClient.setQueryData(queryKey, { ...old, ...account });
        }
        void client.forget(intent.current).catch(() => undefined);
        onDone();
      } else if (isUndecided(result)) setState({ kind: 'undecided', refusal: result });
      else setState({ kind: 'editing', refusal: result });
    } catch (error) {
      if (error instanceof RequestRejected && !wasUndecided) {
        // It was not executed. Other values are another change.
        intent.current = newDraft({}).intent;
        setState({ kind: 'editing', error });
      } else setState({ kind: 'undecided', error });
    } finally {
      isSending.current = false;
      void queryClient.invalidateQueries();
    }
  };

  const repeat = async () => {
    if (last.current !== undefined) await run(last.current);
  };
  return { state, run, repeat };
}
