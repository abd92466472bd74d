import { type FormEvent, useState } from 'react';
import { useSearchParams } from 'wouter';
import type { HoldFilter } from '../../../client/index.ts';
import { wordOf } from '../../kit/badge.tsx';
import { SelectField } from '../../kit/fields/fields.tsx';
import { FindButtons } from '../../kit/fields/find-buttons.tsx';
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
  const [status, setStatus] = useState<(typeof STATUSES)[number] | ''>(filter.status ?? '');
  const [account, setAccount] = useState(filter.accountId ?? '');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const pairs = [
      ['status', status],
      ['account', account.trim()],
    ];
    setParams(new URLSearchParams(pairs.filter(([, value]) => value !== '')));
  };
  const reset = () => {
    setStatus('');
    setAccount('');
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
            onChange={setStatus}
          />
          <AccountField label="Account" value={account} onChange={setAccount} />
        </div>
        <div className="row">
          <FindButtons onReset={reset} />
        </div>
      </form>
    </search>
  );
}
