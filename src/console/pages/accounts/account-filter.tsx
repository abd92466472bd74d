import './accounts.css';
import { type FormEvent, useId, useRef, useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import { pathTo } from '../../data/place.ts';
import { Button } from '../../kit/button.tsx';
import { SelectField, TextField } from '../../kit/fields/fields.tsx';
import { useAddressValues } from '../../kit/fields/use-address-values.ts';
import { useSession } from '../../session/session-context.ts';
import { conditionsOf, idIn, readConditions, writeConditions } from './filter.ts';

const STATUSES = [
  { value: '', label: 'Any' },
  { value: 'OPEN', label: 'Open' },
  { value: 'FROZEN', label: 'Frozen' },
  { value: 'CLOSED', label: 'Closed' },
];

const KINDS = [
  { value: '', label: 'Standard' },
  { value: 'EXTERNAL', label: 'External' },
  { value: 'ANY', label: 'Any' },
];

/** The fields that accounts are found by. On a phone they are shown on request. */
export function AccountFilterForm() {
  const { ledger, viewer } = useSession();
  const [params, setParams] = useSearchParams();
  const [, go] = useLocation();
  const [isOpen, setOpen] = useState(false);
  const [values, setValues] = useAddressValues(readConditions(params));
  const opener = useRef<HTMLButtonElement>(null);
  const id = useId();
  const set = (name: keyof typeof values) => (value: string) =>
    setValues((old) => ({ ...old, [name]: value }));
  const apply = (next: typeof values) => {
    setParams(writeConditions(next));
    // The button that was pressed is hidden with the fields on a phone.
    if (isOpen) opener.current?.focus();
    setOpen(false);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const account = idIn(values.name);
    if (account === undefined) apply(values);
    else go(pathTo.account(account));
  };
  const conditions = conditionsOf(params);
  return (
    <search className="card">
      <button
        ref={opener}
        type="button"
        className="button accounts-filter-opener"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        {conditions === 0
          ? 'Filter'
          : `Filter: ${conditions} ${conditions === 1 ? 'condition' : 'conditions'}`}
      </button>
      <form
        id={id}
        className={isOpen ? 'accounts-filter open' : 'accounts-filter'}
        aria-label="Filter"
        onSubmit={submit}
      >
        <div className="fields">
          <TextField
            label="Account id or external id"
            value={values.name}
            description="The beginning of an external id. acct_… or ext:… opens the account."
            onChange={set('name')}
          />
          {viewer.owner === null ? (
            <TextField label="Owner" value={values.owner} onChange={set('owner')} />
          ) : null}
          <TextField
            label="Metadata"
            placeholder="plan=gold, country=de"
            value={values.metadata}
            onChange={set('metadata')}
          />
          <SelectField
            label="Currency"
            value={values.currency}
            choices={[
              { value: '', label: 'Any' },
              ...ledger.currencies.map(({ code }) => ({ value: code, label: code })),
            ]}
            onChange={set('currency')}
          />
          <SelectField label="Status" value={values.status} choices={STATUSES} onChange={set('status')} />
          {viewer.owner === null ? (
            <SelectField label="Kind" value={values.kind} choices={KINDS} onChange={set('kind')} />
          ) : null}
        </div>
        <div className="row">
          <Button type="submit" kind="primary">
            Find
          </Button>
          <Button onPress={() => apply(readConditions(new URLSearchParams()))}>Clear</Button>
        </div>
      </form>
    </search>
  );
}
