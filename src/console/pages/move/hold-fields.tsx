import { AmountField } from '../../kit/fields/amount-field.tsx';
import { Checkbox } from '../../kit/fields/fields.tsx';
import type { FieldsProps } from './fields.ts';
import { HoldField } from './hold-field.tsx';

interface HoldFieldsProps extends FieldsProps {
  readonly kind: 'capture' | 'void';
}

/** The fields of a capture or a void. */
export function HoldFields({ kind, values, change, errorOf, currency }: HoldFieldsProps) {
  const hold = (
    <HoldField value={values.hold} error={errorOf('hold')} onChange={(id) => change({ hold: id })} />
  );
  if (kind === 'void') {
    return (
      <>
        {hold}
        <p className="quiet">
          A void ends the hold and releases all that remains. Earlier captures stay posted.
        </p>
      </>
    );
  }
  return (
    <>
      {hold}
      <Checkbox
        label="Capture all that remains"
        isSelected={values.isWhole}
        onChange={(isWhole) => change({ isWhole })}
      />
      {values.isWhole ? null : (
        <>
          <AmountField
            label="Amount to capture"
            value={values.amount}
            currency={currency}
            error={errorOf('amount')}
            onChange={(amount) => change({ amount })}
          />
          <Checkbox
            label="Final capture"
            isSelected={values.isFinal}
            description="A final capture releases the rest and ends the hold. Otherwise the rest stays held for other captures."
            onChange={(isFinal) => change({ isFinal })}
          />
        </>
      )}
    </>
  );
}
