import type { FormEvent } from 'react';
import { useSearchParams } from 'wouter';
import type { HoldFilter } from '../../../client/index.ts';
import { wordOf } from '../../kit/badge.tsx';
import { SelectField } from '../../kit/fields/fields.tsx';
import { FindButtons } from '../../kit/fields/find-buttons.tsx';
import { useAddressValues } from '../../kit/fields/use-address-values.ts';
import { AccountField } from '../../parts/accounts/account-field.tsx';

const STATUSES = ['OPEN', 'CAPTURED', 'VOIDED', 'EXPIRED'] as const;

/** Returns the filter of an address. */
export function readFilter(params: URLSearchParams): HoldFilter {
  const status = STATUSES.find((name) => name === params.get('status'));
  const accountId = params.get('account')?.trim() || undefined;
  return { ...(status === undefined ? {} : { status }), ...(accountId === undefined ? {} : { accountId }) };
}

/** The fields that holds are found by. */
export function HoldFilterForm() {
  const [params, setParams] = useSearchParams();
  const filter = readFilter(params);
  const [{ status, account }, setValues] = useAddressValues({
    status: filter.status ?? ('' as const),
    account: filter.accountId ?? '',
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const pairs = [
      ['status', status],
      ['account', account.trim()],
    ];
    setParams(new URLSearchParams(pairs.filter(([, value]) => value !== '')));
  };
  const reset = () => {
    setValues({ status: '', account: '' });
    setParams(new URLSearchParams());
  };
  return (
    <search>
      <form className="card" onSubmit={submit}>
        <div className="fields">
          <SelectField
            label="Status"
            value={status}
            choices={[
              { value: '', label: 'Any' },
              ...STATUSES.map((value) => ({ value, label: wordOf(value) })),
            ]}
            onChange={(next) => setValues((old) => ({ ...old, status: next }))}
          />
          <AccountField
            label="Account"
            value={account}
            onChange={(next) => setValues((old) => ({ ...old, account: next }))}
          />
        </div>
        <div className="row">
          <FindButtons onReset={reset} />
        </div>
      </form>
    </search>
  );
}
