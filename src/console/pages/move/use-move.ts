import { useMemo, useState } from 'react';
import { useAccounts } from '../../parts/accounts/use-accounts.ts';
import { type Payment, usePayment } from '../../parts/payments/use-payment.ts';
import { useSession } from '../../session/session-context.ts';
import type { FieldsProps } from './fields.ts';
import { useChosenHold } from './hold-field.tsx';
import { type ReadMove, readMove } from './read-move.ts';
import { initialValues, type MoveKind, type MoveValues } from './values.ts';

export interface Move {
  readonly payment: Payment<MoveValues>;
  readonly read: ReadMove;
  readonly fields: FieldsProps;
  /** Shows all mistakes, also those that more characters may correct. */
  showProblems(isShown: boolean): void;
}

/** Returns the payment of a form, what its values mean, and what its fields need. `link`: the query of the address. */
export function useMove(kind: MoveKind, link: string): Move {
  const { exponents, viewer } = useSession();
  const payment = usePayment(
    `move ${kind}`,
    useMemo(() => initialValues(kind, new URLSearchParams(link)), [kind, link]),
  );
  const { values } = payment;
  const [isShown, showProblems] = useState(false);
  const hold = useChosenHold(kind === 'capture' || kind === 'void' ? values.hold : '');
  const isRestricted = viewer.owner !== null;
  const typed = kind === 'journal' ? values.rows.map(({ account }) => account) : [values.from, values.to];
  const facts = {
    exponents,
    accounts: useAccounts(typed.map((id) => id.trim())),
    holdCurrency: hold?.amount.currency,
    isRestricted,
    now: new Date(),
  };
  const read = readMove(kind, values, facts);
  const errorOf = (field: string) => {
    const found = read.problems[field];
    return found !== undefined && (isShown || !found.isIncomplete) ? found.problem : undefined;
  };
  const { change } = payment;
  return {
    payment,
    read:
      kind === 'capture' && values.isWhole && read.operation !== undefined && hold != null
        ? { ...read, amount: hold.remaining.amount }
        : read,
    fields: { kind, values, facts, change, errorOf, currency: read.currency, isRestricted },
    showProblems,
  };
}
