import { type FormEvent, useState } from 'react';
import type { Operation } from '../../../client/index.ts';
import { pathTo } from '../../data/place.ts';
import type { TransactionDetails } from '../../data/transactions.ts';
import { Button, ButtonLink } from '../../kit/button.tsx';
import { Dialog } from '../../kit/dialog.tsx';
import { SelectField, TextField } from '../../kit/fields/fields.tsx';
import { Notice } from '../../kit/notice.tsx';
import { Outcome } from '../../parts/payments/outcome.tsx';
import type { Payment } from '../../parts/payments/use-payment.ts';
import { usePreview } from '../../parts/payments/use-preview.ts';
import { ReversePreview } from './reverse-preview.tsx';
import { partProblem, type Remaining } from './reversible.ts';

/** The values of the form of a reversal, as they are typed. */
export interface ReversalValues {
  readonly extent: 'all' | 'part';
  readonly amount: string;
  readonly description: string;
  readonly externalId: string;
}

export const NO_REVERSAL: ReversalValues = { extent: 'all', amount: '', description: '', externalId: '' };

interface ReverseDialogProps {
  readonly transaction: TransactionDetails;
  readonly remaining: Remaining;
  readonly payment: Payment<ReversalValues>;
  readonly onClose: () => void;
}

/** Reverses a transaction, wholly or in part, with a preview of the balances that this leaves. */
export function ReverseDialog({ transaction, remaining, payment, onClose }: ReverseDialogProps) {
  const { values, state, change, send, startNew } = payment;
  const [wasSubmitted, setSubmitted] = useState(false);
  const problem =
    values.extent === 'part' && remaining.kind === 'amount'
      ? partProblem(values.amount.trim(), remaining.money)
      : undefined;
  const operation = operationOf(transaction.id, values);
  const isEditing = state.kind === 'editing';
  const preview = usePreview(isEditing && problem === undefined ? operation : undefined);
  // A request that was sent has to be repeated as it is, whatever remains by now.
  const isSent = state.kind === 'undecided' || state.kind === 'sending';
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSubmitted(true);
    if (isSent || problem === undefined) void send(operation);
  };

  if (state.kind === 'posted') {
    const { transaction: reversal } = state.result;
    return (
      <Dialog title="Reverse transaction" onClose={onClose}>
        <Notice
          tone="good"
          title="The reversal is posted."
          actions={
            <>
              <ButtonLink to={pathTo.transaction(reversal.id)} kind="primary">
                Show the reversal
              </ButtonLink>
              <Button onPress={onClose}>Done</Button>
            </>
          }
        />
      </Dialog>
    );
  }
  return (
    <Dialog
      title="Reverse transaction"
      description="A reversal posts the same entries with their sides swapped. The original stays in the journal."
      onClose={onClose}
    >
      <form className="stack" onSubmit={submit} noValidate>
        {isSent ? (
          <SentValues values={values} remaining={remaining} />
        ) : (
          <>
            {remaining.kind === 'amount' ? (
              <SelectField
                label="How much"
                value={values.extent}
                choices={[
                  {
                    value: 'all',
                    label: `All that remains: ${remaining.money.amount} ${remaining.money.currency}`,
                  },
                  { value: 'part', label: 'A part' },
                ]}
                onChange={(extent) => change({ extent })}
              />
            ) : (
              <p>
                This transaction has more than two posted entries. It is reversed wholly, with all its
                entries.
              </p>
            )}
            {remaining.kind === 'amount' && values.extent === 'part' ? (
              <TextField
                label={`Amount (${remaining.money.currency})`}
                inputMode="decimal"
                value={values.amount}
                error={wasSubmitted || values.amount.trim() !== '' ? problem : undefined}
                description={`At most ${remaining.money.amount}.`}
                onChange={(amount) => change({ amount })}
              />
            ) : null}
            <TextField
              label="Description"
              isOptional
              value={values.description}
              onChange={(description) => change({ description })}
            />
            <TextField
              label="External id"
              isOptional
              description="Your own name for this event, such as the number of a refund. It is unique in the ledger."
              value={values.externalId}
              onChange={(externalId) => change({ externalId })}
            />
            {isEditing && state.refusal === undefined ? (
              <ReversePreview
                result={preview.data}
                error={preview.error}
                onRetry={() => void preview.refetch()}
              />
            ) : null}
          </>
        )}
        <Outcome
          state={state}
          what="reversal"
          attempt={{ place: 'the transaction', onGiveUp: startNew, onStartNew: () => startNew(values) }}
        />
        <div className="row">
          <Button type="submit" kind="primary" isBusy={state.kind === 'sending'}>
            {state.kind === 'sending' ? 'Reversing …' : state.kind === 'undecided' ? 'Try again' : 'Reverse'}
          </Button>
          <Button onPress={onClose}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  );
}

/** The values of a request that was sent: they cannot be changed until its outcome is known. */
function SentValues({
  values,
  remaining,
}: {
  readonly values: ReversalValues;
  readonly remaining: Remaining;
}) {
  const { extent, amount, description, externalId } = values;
  const currency = remaining.kind === 'amount' ? ` ${remaining.money.currency}` : '';
  return (
    <ul className="quiet">
      <li>Amount: {extent === 'part' ? `${amount}${currency}` : 'all that remains'}</li>
      {description === '' ? null : <li>Description: {description}</li>}
      {externalId === '' ? null : <li>External id: {externalId}</li>}
    </ul>
  );
}

function operationOf(transactionId: string, values: ReversalValues): Operation {
  const [amount, description, externalId] = [
    values.extent === 'part' ? values.amount.trim() : '',
    values.description.trim(),
    values.externalId.trim(),
  ];
  return {
    reverse: {
      transactionId,
      ...(amount === '' ? {} : { amount }),
      ...(description === '' ? {} : { description }),
      ...(externalId === '' ? {} : { externalId }),
    },
  };
}
