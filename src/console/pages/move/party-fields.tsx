import { zoneName } from '../../data/instants.ts';
import { AmountField } from '../../kit/fields/amount-field.tsx';
import { TextField } from '../../kit/fields/fields.tsx';
import { AccountField } from '../../parts/accounts/account-field.tsx';
import type { FieldsProps } from './fields.ts';

const FROM = { withdraw: 'Account that pays', transfer: 'From account', hold: 'From account' } as const;
const TO = { deposit: 'Account that receives', transfer: 'To account', hold: 'To account' } as const;

interface PartyFieldsProps extends FieldsProps {
  readonly kind: 'deposit' | 'withdraw' | 'transfer' | 'hold';
}

/** The fields of a deposit, a withdrawal, a transfer or a hold. */
export function PartyFields({
  kind,
  values,
  facts,
  change,
  errorOf,
  currency,
  isRestricted,
}: PartyFieldsProps) {
  const isFirstChosen = facts.accounts.has(values.from.trim());
  return (
    <>
      <div className="fields">
        {kind === 'deposit' ? null : (
          <AccountField
            label={FROM[kind]}
            value={values.from}
            error={errorOf('from')}
            onChange={(from) => change({ from })}
          />
        )}
        {kind === 'withdraw' ? null : (
          <AccountField
            label={TO[kind]}
            value={values.to}
            error={errorOf('to')}
            currency={kind !== 'deposit' && isFirstChosen ? currency : undefined}
            {...(isRestricted ? { description: 'The account id, or ext: and the external id' } : {})}
            onChange={(to) => change({ to })}
          />
        )}
      </div>
      <div className="fields">
        <AmountField
          value={values.amount}
          currency={currency}
          error={errorOf('amount')}
          onChange={(amount) => change({ amount })}
        />
        {kind === 'hold' ? (
          <TextField
            label="Expires"
            type="datetime-local"
            isOptional={!isRestricted}
            value={values.expiresAt}
            error={errorOf('expiresAt')}
            description={`In the time zone ${zoneName()}. ${
              isRestricted ? 'At most 7 days from now.' : 'Empty: the hold never expires.'
            }`}
            onChange={(expiresAt) => change({ expiresAt })}
          />
        ) : null}
      </div>
    </>
  );
}
