import type { FormEvent } from 'react';
import { useSearchParams } from 'wouter';
import type { AuditFilter } from '../../../client/index.ts';

import { ACTIONS } from '../../data/change-words.ts';
import { readLocalInstant, writeLocalInstant } from '../../data/instants.ts';
import { pathTo } from '../../data/place.ts';
import { Button } from '../../kit/button.tsx';
import { type Choice, SelectField, TextField } from '../../kit/fields/fields.tsx';
import { useAddressValues } from '../../kit/fields/use-address-values.ts';

/** The field that the events are found by. The service has an index for one at a time, together with the time. */
type By = '' | 'action' | 'actor' | 'subject';

const BY: readonly Choice<By>[] = [
  { value: '', label: 'Everything' },
  { value: 'action', label: 'Action' },
  { value: 'actor', label: 'Actor' },
  { value: 'subject', label: 'Subject' },
];

const CHOICES: readonly Choice<string>[] = Object.entries(ACTIONS).map(([value, label]) => ({
  value,
  label,
}));

interface Values {
  readonly by: By;
  readonly value: string;
  /** The texts of `datetime-local` fields. */
  readonly from: string;
  readonly to: string;
}

function valuesOf(params: URLSearchParams): Values {
  const by = BY.find(({ value }) => value === params.get('by'))?.value ?? '';
  const of = (name: string) => params.get(name) ?? '';
  // An address may have been edited by hand.
  const timeOf = (name: string) => {
    const instant = readLocalInstant(of(name));
    return instant === undefined ? '' : writeLocalInstant(new Date(instant));
  };
  return { by, value: of('value'), from: timeOf('from'), to: timeOf('to') };
}

/** Returns the filter of an address. */
export function readAuditFilter(params: URLSearchParams): AuditFilter {
  const { by, value, ...times } = valuesOf(params);
  const [from, to] = [readLocalInstant(times.from), readLocalInstant(times.to)];
  const wanted = value.trim();
  return {
    ...(by === 'action' && wanted !== '' ? { action: wanted } : {}),
    ...(by === 'actor' && wanted !== '' ? { actorId: wanted } : {}),
    ...(by === 'subject' && wanted !== '' ? { subjectId: wanted } : {}),
    ...(from === undefined && to === undefined ? {} : { createdAt: { from: from ?? null, to: to ?? null } }),
  };
}

/** Returns the path of the audit log of an actor or a subject. */
export function auditPathOf(by: 'actor' | 'subject', id: string): string {
  return `${pathTo.admin('audit')}?${new URLSearchParams({ by, value: id })}`;
}

/** The fields that audit events are found by. Its values are those of the address. */
export function AuditFilterForm() {
  const [params, setParams] = useSearchParams();
  const [values, setValues] = useAddressValues(valuesOf(params));
  const change = (changed: Partial<Values>) => setValues((old) => ({ ...old, ...changed }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { by, value, from, to } = values;
    const given = { ...(by === '' ? {} : { by, value }), from, to };
    setParams(new URLSearchParams(Object.entries(given).filter(([, text]) => text.trim() !== '')));
  };
  const { by, value } = values;
  return (
    <search>
      <form className="stack" onSubmit={submit}>
        <div className="fields">
          <SelectField
            label="Find by"
            value={by}
            choices={BY}
            onChange={(next) => change({ by: next, value: next === 'action' ? 'updateAccount' : '' })}
          />
          {by === 'action' ? (
            <SelectField
              label="Action"
              value={value}
              choices={CHOICES}
              onChange={(next) => change({ value: next })}
            />
          ) : null}
          {by === 'actor' ? (
            <TextField
              label="Id of the actor"
              placeholder="act_…"
              value={value}
              onChange={(next) => change({ value: next })}
            />
          ) : null}
          {by === 'subject' ? (
            <TextField
              label="Subject"
              placeholder="acct_…, ext:…, key_…, ldg_… or EUR"
              value={value}
              onChange={(next) => change({ value: next })}
            />
          ) : null}
          <TextField
            label="From"
            type="datetime-local"
            value={values.from}
            onChange={(from) => change({ from })}
          />
          <TextField label="To" type="datetime-local" value={values.to} onChange={(to) => change({ to })} />
        </div>
        <div className="row">
          <Button type="submit" kind="primary">
            Find
          </Button>
          <Button onPress={() => setParams(new URLSearchParams())}>Clear</Button>
        </div>
      </form>
    </search>
  );
}
