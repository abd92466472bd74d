import { type FormEvent, useRef, useState } from 'react';
import type { CreateAccountInput, CreateAccountResult } from '../../../client/index.ts';
import { explainRefusal, type Refusal } from '../../data/payments/refusals.ts';
import type { SendState } from '../../data/payments/send-once.ts';
import { Button } from '../../kit/button.tsx';
import { Dialog } from '../../kit/dialog.tsx';
import { useSession } from '../../session/session-context.ts';
import { Outcome } from '../payments/outcome.tsx';
import { type Send, useOnce } from '../payments/use-once.ts';
import { AccountFields } from './account-fields.tsx';
import { EMPTY, type NewAccount, type Problems, problemsOf, toInput } from './new-account.ts';

interface CreateAccountDialogProps {
  readonly onClose: () => void;
  readonly onCreated: (account: { readonly id: string }) => void;
}

/** Offered in a ledger without accounts. Any other code can be typed. */
const COMMON_CURRENCIES: readonly string[] = ['EUR', 'USD', 'GBP', 'CHF', 'JPY'];

const createAccount: Send<CreateAccountInput, CreateAccountResult> = (
  client,
  input,
  { key: idempotencyKey, deadlineMs },
) => client.createAccount({ ...input, idempotencyKey }, { deadlineMs });

/** Creates an account. Its values are sent once: see `useOnce`. */
export function CreateAccountDialog({ onClose, onCreated }: CreateAccountDialogProps) {
  const { ledger, exponents } = useSession();
  const currencies = ledger.currencies.map(({ code }) => code);
  const initial: NewAccount = {
    ...EMPTY,
    currency: currencies.length === 1 ? (currencies[0] ?? '') : '',
  };
  const { values, state, change, send, startNew } = useOnce('create account', initial, createAccount);
  const [isChecked, setChecked] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const close = () => {
    if (state.kind !== 'sending') onClose();
  };
  const problems = problemsOf(values, exponents);
  const shown = isChecked ? { ...refusedProblems(state), ...problems } : {};
  const create = async () => {
    setChecked(true);
    if (state.kind === 'editing' && Object.keys(problems).length > 0) {
      requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus());
      return;
    }
    const created = await send(toInput(values));
    if (created !== undefined) onCreated(created.account);
  };
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
        <fieldset className="fieldset stack" disabled={state.kind === 'undecided'}>
          <legend className="sr-only">The account</legend>
          <AccountFields
            values={values}
            problems={shown}
            currencies={currencies.length === 0 ? COMMON_CURRENCIES : currencies}
            change={change}
          />
        </fieldset>
        <Outcome
          state={state}
          what="request"
          onRetry={() => void create()}
          attempt={{ place: 'the list of accounts', onGiveUp: startNew }}
        />
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

/** The fields of the input that a refusal is about, and the names of the values here. */
const FIELDS: Readonly<Record<string, keyof NewAccount>> = {
  owner: 'owner',
  currency: 'currency',
  externalId: 'externalId',
  'minBalance.amount': 'lowestAmount',
  'maxBalance.amount': 'highestAmount',
};

/** Returns the refusal at the field that it is about. */
function refusedProblems(state: SendState<unknown>): Problems {
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
