import type { Operation } from '../../../client/index.ts';
import { type SentResult, sendWithKey } from '../../data/payments/operations.ts';
import { type Once, useOnce } from './use-once.ts';

export type Payment<Values> = Once<Values, Operation, SentResult>;

/** Keeps the values of a form that moves money, also over a reload, and sends them once: see `useOnce`. */
export function usePayment<Values extends object>(name: string, initial: Values): Payment<Values> {
  return useOnce<Values, Operation, SentResult>(name, initial, sendWithKey, true);
}
