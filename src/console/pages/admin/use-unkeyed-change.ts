import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { isRefusal } from '../../../client/index.ts';
import type { Refusal } from '../../data/payments/refusals.ts';
import type { SendState } from '../../data/payments/send-once.ts';

/** A change without an idempotency key, as the page shows it. */
export interface UnkeyedChange<Input, Result> {
  readonly result: Result | undefined;
  readonly state: SendState<unknown>;
  readonly isBusy: boolean;
  /** Starts the change, unless it runs. */
  start(input: Input): void;
}

/**
 * Runs a change that the API gives no idempotency key: of API keys and of ledgers. Sent again, it is either the same change or refused. A
 * second press is ignored at once: a mutation of TanStack Query says that it runs only after the next rendering. The page reads its
 * data again after each outcome.
 */
export function useUnkeyedChange<Input, Result extends { readonly __typename: string }>(
  run: (input: Input) => Promise<Result>,
  onResult?: (result: Result) => void,
): UnkeyedChange<Input, Result> {
  const queryClient = useQueryClient();
  const isRunning = useRef(false);
  const { data, error, isPending, mutate } = useMutation({
    mutationFn: run,
    ...(onResult === undefined ? {} : { onSuccess: onResult }),
    onSettled: () => {
      isRunning.current = false;
      void queryClient.invalidateQueries();
    },
  });
  const start = (input: Input) => {
    if (isRunning.current) return;
    isRunning.current = true;
    mutate(input);
  };
  const isRefused = data !== undefined && isRefusal(data);
  const state: SendState<unknown> = {
    kind: isPending ? 'sending' : 'editing',
    ...(isRefused ? { refusal: data as unknown as Refusal } : {}),
    ...(error === null ? {} : { error }),
  };
  return { result: data, state, isBusy: isPending, start };
}
