import { useId } from 'react';
import { Field, SelectField, TextField } from '../../kit/fields/fields.tsx';
import { MetadataField } from '../../kit/fields/metadata-field.tsx';
import type { NewAccount, Problems } from './new-account.ts';

const SIDES = [
  { value: 'CREDIT', label: 'Holds what you owe others (credit)' },
  { value: 'DEBIT', label: 'Holds what you own (debit)' },
] as const;

const ABOUT_SIDES = {
  CREDIT: 'Such as the wallet of a customer. Only these accounts accept deposits and withdrawals.',
  DEBIT: 'Such as your bank account. Its balance grows with debits.',
} as const;

const LOWEST = [
  { value: 'zero', label: 'Zero: it cannot be overdrawn' },
  { value: 'amount', label: 'An amount' },
  { value: 'unlimited', label: 'No limit' },
] as const;

const HIGHEST = [
  { value: 'unlimited', label: 'No limit' },
  { value: 'amount', label: 'An amount' },
] as const;

interface AccountFieldsProps {
  readonly values: NewAccount;
  readonly problems: Problems;
  readonly currencies: readonly string[];
  readonly change: (values: Partial<NewAccount>) => void;
}

/** The fields of an account that is created. */
export function AccountFields({ values, problems, currencies, change }: AccountFieldsProps) {
  const code = values.currency.trim().toUpperCase();
  return (
    <>
      <div className="fields">
        <TextField
          label="Owner"
          value={values.owner}
          error={problems.owner}
          description="A name or an id, such as Alice."
          onChange={(owner) => change({ owner })}
        />
        <CurrencyField
          value={values.currency}
          error={problems.currency}
          offered={currencies}
          onChange={(currency) => change({ currency })}
        />
      </div>
      <SelectField
        label="Normal side"
        value={values.normalSide}
        choices={SIDES}
        description={ABOUT_SIDES[values.normalSide]}
        onChange={(normalSide) => change({ normalSide })}
      />
      <TextField
        label="External id"
        isOptional
        value={values.externalId}
        error={problems.externalId}
        description="Your own name for the account, unique in the ledger, such as users:42:wallet."
        onChange={(externalId) => change({ externalId })}
      />
      <div className="fields">
        <SelectField
          label="Lowest balance"
          value={values.lowest}
          choices={LOWEST}
          onChange={(lowest) => change({ lowest })}
        />
        <SelectField
          label="Highest balance"
          value={values.highest}
          choices={HIGHEST}
          onChange={(highest) => change({ highest })}
        />
        {values.lowest === 'amount' ? (
          <TextField
            label={`Lowest amount${code === '' ? '' : ` in ${code}`}`}
            value={values.lowestAmount}
            error={problems.lowestAmount}
            description="Below zero, it allows an overdraft: -500.00"
            onChange={(lowestAmount) => change({ lowestAmount })}
          />
        ) : null}
        {values.highest === 'amount' ? (
          <TextField
            label={`Highest amount${code === '' ? '' : ` in ${code}`}`}
            value={values.highestAmount}
            error={problems.highestAmount}
            inputMode="decimal"
            onChange={(highestAmount) => change({ highestAmount })}
          />
        ) : null}
      </div>
      <MetadataField value={values.metadata} onChange={(metadata) => change({ metadata })} />
    </>
  );
}

interface CurrencyFieldProps {
  readonly value: string;
  readonly error: string | undefined;
  readonly offered: readonly string[];
  readonly onChange: (code: string) => void;
}

/** Offers currencies, and takes any other code. */
function CurrencyField({ value, error, offered, onChange }: CurrencyFieldProps) {
  const list = useId();
  return (
    <Field
      label="Currency"
      error={error}
      description={`A code, such as ${offered.slice(0, 2).join(' or ')}.`}
    >
      {({ id, describedBy, isInvalid }) => (
        <>
          <input
            id={id}
            className="input"
            list={list}
            autoComplete="off"
            autoCapitalize="characters"
            spellCheck={false}
            aria-describedby={describedBy}
            aria-invalid={isInvalid || undefined}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
          <datalist id={list}>
            {offered.map((code) => (
              <option key={code} value={code} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}
