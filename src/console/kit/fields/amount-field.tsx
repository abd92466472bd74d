import { TextField } from './fields.tsx';

interface AmountFieldProps {
  readonly label?: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Shown next to the field. Undefined: it is not known yet. */
  readonly currency: string | undefined;
  readonly description?: string;
  readonly error?: string | undefined;
  readonly isOptional?: boolean;
}

/** An amount as exact text. `readAmount` checks it. */
export function AmountField({ label = 'Amount', currency, ...field }: AmountFieldProps) {
  return (
    <TextField
      {...field}
      label={currency === undefined ? label : `${label} in ${currency}`}
      inputMode="decimal"
      placeholder="12.50"
    />
  );
}
