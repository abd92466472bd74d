import { useState } from 'react';
import type { TransactionDetails } from '../../data/transactions.ts';
import { Button } from '../../kit/button.tsx';
import { usePayment } from '../../parts/payments/use-payment.ts';
import { NO_REVERSAL, ReverseDialog } from './reverse-dialog.tsx';
import type { Remaining } from './reversible.ts';

interface ReverseProps {
  readonly transaction: TransactionDetails;
  /** Undefined while it is read. */
  readonly remaining: Remaining | undefined;
}

/** The button that reverses a transaction, and its dialog. A reversal whose outcome is not known opens it again, also after a reload. */
export function Reverse({ transaction, remaining }: ReverseProps) {
  const payment = usePayment(`reverse:${transaction.id}`, NO_REVERSAL);
  const isUndecided = payment.state.kind === 'undecided';
  const [isOpen, setOpen] = useState(isUndecided);
  const close = () => {
    setOpen(false);
    if (payment.state.kind === 'editing' || payment.state.kind === 'posted') payment.startNew();
  };
  // While it is read what remains, the button keeps its place.
  const isPossible = remaining === undefined || remaining.kind === 'whole' || remaining.kind === 'amount';
  return (
    <>
      {isUndecided || isPossible ? (
        <Button isDisabled={remaining === undefined} onPress={() => setOpen(true)}>
          {isUndecided ? 'Continue the reversal' : 'Reverse'}
        </Button>
      ) : null}
      {isOpen && remaining !== undefined ? (
        <ReverseDialog transaction={transaction} remaining={remaining} payment={payment} onClose={close} />
      ) : null}
    </>
  );
}
