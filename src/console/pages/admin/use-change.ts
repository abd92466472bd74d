import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';

/** A change of the ledger, as the page shows it. */
export interface ChangeState<Input, Result> {
  readonly result: Result | undefined;
  readonly error: Error | null;
  readonly isBusy: boolean;
  /** Starts the change, unless it runs. */
  start(input: Input): void;
}

/**
 * Runs a change that is no payment. A second press is ignored at once: a mutation of TanStack Query says that it runs only after the
 * next rendering. The page reads its data again after each outcome.
 */
export function useChange<Input, Result>(
  run: (input: Input) => Promise<Result>,
  onResult?: (result: Result) => void,
): ChangeState<Input, Result> {
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
  return { result: data, error, isBusy: isPending, start };
}
