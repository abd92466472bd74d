import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import type { CreateAccountResult } from '../../../client/index.ts';
import { explainRefusal, type Refusal } from '../../data/payments/refusals.ts';
import { Button } from '../../kit/button.tsx';
import { Dialog } from '../../kit/dialog.tsx';
import { Field, SelectField, TextField } from '../../kit/fields/fields.tsx';
import { MetadataField } from '../../kit/fields/metadata-field.tsx';
import { Notice } from '../../kit/notice.tsx';
import { Failed } from '../../kit/states.tsx';
import { useSession } from '../../session/session-context.ts';
import { type OnceState, useOnce } from '../payments/use-once.ts';
import { RefusalView } from '../refusal.tsx';
import { EMPTY, type NewAccount, type Problems, problemsOf, toInput } from './new-account.ts';

interface CreateAccountDialogProps {
  readonly onClose: () => void;
  readonly onCreated: (account: { readonly id: string }) => void;
}

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

/** Offered in a ledger without accounts. Any other code can be typed. */
const COMMON_CURRENCIES: readonly string[] = ['EUR', 'USD', 'GBP', 'CHF', 'JPY'];

/** Creates an account. Its values are sent once: see `useOnce`. */
export function CreateAccountDialog({ onClose, onCreated }: CreateAccountDialogProps) {
  const { client, ledger, exponents } = useSession();
  const currencies = ledger.currencies.map(({ code }) => code);
  const { values, state, change, send, startAgain } = useOnce<NewAccount, CreateAccountResult>(
    'create account',
    { ...EMPTY, currency: currencies.length === 1 ? (currencies[0] ?? '') : '' },
  );
  const [isChecked, setChecked] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const isOpen = useRef(true);
  useEffect(() => {
    isOpen.current = true;
    return () => {
      isOpen.current = false;
    };
  }, []);
  const close = () => {
    if (state.kind !== 'sending') onClose();
  };
  const problems = problemsOf(values, exponents);
  const shown = isChecked ? { ...refusedProblems(state), ...problems } : {};
  const create = async () => {
    setChecked(true);
    if (Object.keys(problems).length > 0) {
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus());
      return;
    }
    const result = await send((options) => client.createAccount(toInput(values), options));
    if (result?.__typename === 'AccountCreated' && isOpen.current) onCreated(result.account);
  };
  const isFixed = state.kind !== 'editing';
  return (
    <Dialog
      title="Create account"
      description="An account holds the money of one owner in one currency."
      onClose={close}
    >
      <form
        ref={form}
        className="stack"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          void create();
        }}
      >
        <fieldset className="fieldset stack" disabled={isFixed && state.kind !== 'sending'}>
          <legend className="sr-only">The account</legend>
          <AccountFields
            values={values}
            problems={shown}
            currencies={currencies.length === 0 ? COMMON_CURRENCIES : currencies}
            change={change}
          />
        </fieldset>
        <Outcome state={state} onRetry={() => void create()} onStartAgain={startAgain} />
        {state.kind === 'undecided' ? null : (
          <div className="row">
            <Button type="submit" kind="primary" isBusy={state.kind === 'sending'}>
              {state.kind === 'sending' ? 'Creating …' : 'Create account'}
            </Button>
            <Button onPress={close}>Cancel</Button>
          </div>
        )}
      </form>
    </Dialog>
  );
}

interface AccountFieldsProps {
  readonly values: NewAccount;
  readonly problems: Problems;
  readonly currencies: readonly string[];
  readonly change: (values: Partial<NewAccount>) => void;
}

function AccountFields({ values, problems, currencies, change }: AccountFieldsProps) {
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

interface OutcomeProps {
  readonly state: OnceState;
  readonly onRetry: () => void;
  readonly onStartAgain: () => void;
}

/** What happened to the values that were sent. It is scrolled into view: the form may be longer than the screen. */
function Outcome({ state, onRetry, onStartAgain }: OutcomeProps) {
  const element = useRef<HTMLDivElement>(null);
  const { kind } = state;
  useEffect(() => {
    if (kind !== 'sending') element.current?.scrollIntoView({ block: 'nearest' });
  }, [kind]);
  if (state.kind === 'sending') return null;
  const { refusal, error } = state;
  if (kind === 'editing') {
    if (refusal === undefined && error === undefined) return null;
    return (
      <div ref={element}>
        {refusal === undefined ? (
          <Failed error={error} onRetry={onRetry} />
        ) : (
          <RefusalView refusal={refusal} />
        )}
      </div>
    );
  }
  const actions = (
    <>
      <Button kind="primary" onPress={onRetry}>
        Try again
      </Button>
      <Button onPress={onStartAgain}>Change the values</Button>
    </>
  );
  return (
    <div ref={element}>
      {refusal === undefined ? (
        <Notice tone="warning" title="It is not known whether the account was created." actions={actions}>
          Try again: the account is created once at most. If you change the values, look into the list of
          accounts first, because this one may exist.
        </Notice>
      ) : (
        <RefusalView refusal={refusal} actions={actions} />
      )}
    </div>
  );
}

/** The fields of the input that a refusal is about, and the names of the values here. */
const FIELDS: Readonly<Record<string, keyof NewAccount>> = {
  owner: 'owner',
  currency: 'currency',
  externalId: 'externalId',
  'minBalance.amount': 'lowestAmount',
  'maxBalance.amount': 'highestAmount',
};

/** Returns the refusal at the field that it is about. */
function refusedProblems(state: OnceState): Problems {
  const refusal = state.kind === 'editing' ? state.refusal : undefined;
  const name = refusal === undefined ? undefined : fieldOf(refusal);
  if (refusal === undefined || name === undefined) return {};
  return { [name]: explainRefusal(refusal).title };
}

function fieldOf(refusal: Refusal): keyof NewAccount | undefined {
  if (refusal.__typename === 'UnknownCurrencyError') return 'currency';
  if (refusal.__typename === 'ExternalIdTakenError') return 'externalId';
  if (refusal.__typename === 'InvalidInputError' || refusal.__typename === 'InvalidAmountError') {
    return FIELDS[refusal.field];
  }
  return undefined;
}
