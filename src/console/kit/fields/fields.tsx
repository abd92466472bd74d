/** Form fields: a visible label, a description, and the mistake, which screen readers read with the field. */
import { type ReactNode, useId } from 'react';
import { clockNote } from '../../data/instants.ts';

interface Labelled {
  readonly label: string;
  readonly description?: ReactNode;
  /** The mistake in the value, with the way to correct it. */
  readonly error?: string | undefined;
  readonly isOptional?: boolean;
}

export interface FieldIds {
  readonly id: string;
  readonly describedBy: string | undefined;
  readonly isInvalid: boolean;
}

interface FieldProps extends Labelled {
  readonly children: (ids: FieldIds) => ReactNode;
}

/** Places a control between its label and its description. */
export function Field({ label, description, error, isOptional = false, children }: FieldProps) {
  const id = useId();
  const [descriptionId, errorId] = [`${id}-description`, `${id}-error`];
  const describedBy = [
    ...(description === undefined ? [] : [descriptionId]),
    ...(error === undefined ? [] : [errorId]),
  ].join(' ');
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {isOptional ? <span className="quiet"> (optional)</span> : null}
      </label>
      {children({ id, describedBy: describedBy || undefined, isInvalid: error !== undefined })}
      {error === undefined ? null : (
        <p className="field-error" id={errorId}>
          {error}
        </p>
      )}
      {description === undefined ? null : (
        <p className="field-description" id={descriptionId}>
          {description}
        </p>
      )}
    </div>
  );
}

interface TextFieldProps extends Labelled {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly type?: 'text' | 'password' | 'datetime-local' | 'search';
  readonly placeholder?: string;
  readonly inputMode?: 'text' | 'decimal' | 'numeric';
  readonly autoFocus?: boolean;
}

export function TextField({
  value,
  onChange,
  type = 'text',
  placeholder,
  inputMode,
  autoFocus,
  description,
  ...about
}: TextFieldProps) {
  const note = type === 'datetime-local' ? clockNote(value) : undefined;
  const text = note === undefined ? description : <span role="status">{`${note} ${description ?? ''}`}</span>;
  return (
    <Field {...about} description={text}>
      {({ id, describedBy, isInvalid }) => (
        <input
          id={id}
          type={type}
          className="input"
          value={value}
          placeholder={placeholder}
          // Instants of the API have years of four digits.
          max={type === 'datetime-local' ? '9999-12-31T23:59' : undefined}
          inputMode={inputMode}
          // Names, ids and keys are no words, and a stored key would outlive the tab.
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          aria-describedby={describedBy}
          aria-invalid={isInvalid || undefined}
          ref={(input) => {
            if (autoFocus && input !== null && document.activeElement === document.body) input.focus();
          }}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

export interface Choice<Value extends string> {
  readonly value: Value;
  readonly label: string;
}

interface SelectFieldProps<Value extends string> extends Labelled {
  readonly value: Value;
  readonly choices: readonly Choice<Value>[];
  readonly onChange: (value: Value) => void;
}

export function SelectField<Value extends string>({
  value,
  choices,
  onChange,
  ...about
}: SelectFieldProps<Value>) {
  return (
    <Field {...about}>
      {({ id, describedBy, isInvalid }) => (
        <select
          id={id}
          className="input"
          value={value}
          aria-describedby={describedBy}
          aria-invalid={isInvalid || undefined}
          onChange={(event) => onChange(event.target.value as Value)}
        >
          {choices.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface CheckboxProps {
  readonly label: string;
  readonly isSelected: boolean;
  readonly onChange: (isSelected: boolean) => void;
  readonly description?: string;
}

export function Checkbox({ label, isSelected, onChange, description }: CheckboxProps) {
  const id = useId();
  return (
    <div className="checkbox">
      <input
        id={id}
        type="checkbox"
        checked={isSelected}
        aria-describedby={description === undefined ? undefined : `${id}-description`}
        onChange={(event) => onChange(event.target.checked)}
      />
      <label htmlFor={id}>{label}</label>
      {description === undefined ? null : (
        <p className="field-description" id={`${id}-description`}>
          {description}
        </p>
      )}
    </div>
  );
}
