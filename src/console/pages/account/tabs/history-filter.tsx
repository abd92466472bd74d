import type { FormEvent } from 'react';
import { useSearchParams } from 'wouter';
import type { HistoryFilter } from '../../../../client/index.ts';
import { readLocalInstant, zoneName } from '../../../data/instants.ts';
import { wordOf } from '../../../kit/badge.tsx';
import { SelectField, TextField } from '../../../kit/fields/fields.tsx';
import { FindButtons } from '../../../kit/fields/find-buttons.tsx';
import { useAddressValues } from '../../../kit/fields/use-address-values.ts';

const LAYERS = [
  { value: '', label: 'Posted and pending' },
  { value: 'POSTED', label: 'Posted only' },
  { value: 'PENDING', label: 'Pending only' },
] as const;

const SIDES = [
  { value: '', label: 'Debit and credit' },
  { value: 'DEBIT', label: 'Debit only' },
  { value: 'CREDIT', label: 'Credit only' },
] as const;

const TYPES = [
  'DEPOSIT',
  'WITHDRAWAL',
  'TRANSFER',
  'JOURNAL',
  'HOLD',
  'CAPTURE',
  'RELEASE',
  'REVERSAL',
] as const;
const TYPE_CHOICES = [
  { value: '', label: 'Any' },
  ...TYPES.map((type) => ({ value: type, label: wordOf(type) })),
] as const;

/** The names of the filter in the address of the page. */
const NAMES = ['layer', 'type', 'side', 'from', 'to'] as const;
type Name = (typeof NAMES)[number];
type Values = Readonly<Record<Name, string>>;

const EMPTY: Values = { layer: '', type: '', side: '', from: '', to: '' };

/** Returns the filter of an address. */
export function readHistoryFilter(params: URLSearchParams): HistoryFilter {
  const { layer, type, side, from: start, to: end } = valuesOf(params);
  const types = TYPES.filter((known) => known === type);
  const [from, to] = [readLocalInstant(start), readLocalInstant(end)];
  return {
    ...(layer === 'POSTED' || layer === 'PENDING' ? { layer } : {}),
    ...(types.length === 0 ? {} : { types }),
    ...(side === 'DEBIT' || side === 'CREDIT' ? { side } : {}),
    ...(from === undefined && to === undefined
      ? {}
      : {
          effectiveAt: {
            ...(from === undefined ? {} : { from }),
            ...(to === undefined ? {} : { to }),
          },
        }),
  };
}

/** The fields that entries are found by. */
export function HistoryFilterForm() {
  const [params, setParams] = useSearchParams();
  const [values, setValues] = useAddressValues(valuesOf(params));
  const set = (name: Name) => (value: string) => setValues((old) => ({ ...old, [name]: value }));
  const apply = (wanted: Values) =>
    setParams((old) => {
      const next = new URLSearchParams(old);
      for (const name of [...NAMES, 'history-after', 'history-before']) next.delete(name);
      for (const name of NAMES) if (wanted[name] !== '') next.set(name, wanted[name]);
      return next;
    });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    apply(values);
  };
  const reset = () => {
    setValues(EMPTY);
    apply(EMPTY);
  };
  return (
    <search>
      <form className="account-filter" onSubmit={submit}>
        <SelectField label="Layer" value={values.layer} choices={LAYERS} onChange={set('layer')} />
        <SelectField label="Type" value={values.type} choices={TYPE_CHOICES} onChange={set('type')} />
        <SelectField label="Side" value={values.side} choices={SIDES} onChange={set('side')} />
        <TextField
          label="Effective from"
          type="datetime-local"
          value={values.from}
          onChange={set('from')}
          description={`Times are in ${zoneName()}.`}
        />
        <TextField label="Effective before" type="datetime-local" value={values.to} onChange={set('to')} />
        <div className="row account-filter-actions">
          <FindButtons onReset={reset} />
        </div>
      </form>
    </search>
  );
}

function valuesOf(params: URLSearchParams): Values {
  const of = (name: Name) => params.get(name) ?? '';
  return { layer: of('layer'), type: of('type'), side: of('side'), from: of('from'), to: of('to') };
}
