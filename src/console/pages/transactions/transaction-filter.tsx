import { type FormEvent, useState } from 'react';
import { useSearchParams } from 'wouter';
import { readLocalInstant, writeLocalInstant, zoneName } from '../../data/instants.ts';
import { wordOf } from '../../kit/badge.tsx';
import { Checkbox, TextField } from '../../kit/fields/fields.tsx';
import { FindButtons } from '../../kit/fields/find-buttons.tsx';
import { useAddressValues } from '../../kit/fields/use-address-values.ts';
import { AccountField } from '../../parts/accounts/account-field.tsx';
import { BOUNDS, metadataMistake, readInstant, readTypes, TYPES } from './filter.ts';

const LABELS: Readonly<Record<(typeof BOUNDS)[number], string>> = {
  'effective-from': 'Effective from',
  'effective-before': 'Effective before',
  'recorded-from': 'Recorded from',
  'recorded-before': 'Recorded before',
};

/** The fields that transactions are found by. */
export function TransactionFilterForm() {
  const [params, setParams] = useSearchParams();
  const [values, setValues] = useAddressValues(valuesOf(params));
  const [hasBounds] = useState(() => BOUNDS.some((name) => values.bounds[name] !== ''));
  const set = (change: Partial<typeof values>) => setValues((old) => ({ ...old, ...change }));
  const [mistake, setMistake] = useState<string>();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const found = metadataMistake(values.metadata);
    setMistake(found);
    if (found !== undefined) return;
    setParams(paramsOf(values));
  };
  const reset = () => {
    setMistake(undefined);
    setValues(valuesOf(new URLSearchParams()));
    setParams(new URLSearchParams());
  };
  return (
    <search>
      <form className="card" onSubmit={submit}>
        <div className="fields">
          <fieldset className="fieldset transactions-types">
            <legend>Types</legend>
            <div>
              {TYPES.map((type) => (
                <Checkbox
                  key={type}
                  label={wordOf(type)}
                  isSelected={values.types.includes(type)}
                  onChange={(isSelected) =>
                    set({
                      types: TYPES.filter((other) =>
                        other === type ? isSelected : values.types.includes(other),
                      ),
                    })
                  }
                />
              ))}
            </div>
          </fieldset>
          <AccountField label="Account" value={values.account} onChange={(account) => set({ account })} />
          <TextField
            label="Metadata"
            placeholder="order=42, channel=web"
            value={values.metadata}
            error={mistake}
            onChange={(metadata) => set({ metadata })}
          />
          <details className="transactions-more" open={hasBounds || undefined}>
            <summary>Times</summary>
            <div className="fields">
              {BOUNDS.map((name) => (
                <TextField
                  key={name}
                  type="datetime-local"
                  label={LABELS[name]}
                  description={`In ${zoneName()}`}
                  value={values.bounds[name]}
                  onChange={(value) => set({ bounds: { ...values.bounds, [name]: value } })}
                />
              ))}
            </div>
          </details>
        </div>
        <div className="row">
          <FindButtons onReset={reset} />
        </div>
      </form>
    </search>
  );
}

function valuesOf(params: URLSearchParams) {
  const boundOf = (name: (typeof BOUNDS)[number]) => {
    const instant = readInstant(params.get(name));
    return instant === undefined ? '' : writeLocalInstant(new Date(instant));
  };
  return {
    types: readTypes(params),
    account: params.get('account') ?? '',
    metadata: params.get('metadata') ?? '',
    bounds: {
      'effective-from': boundOf('effective-from'),
      'effective-before': boundOf('effective-before'),
      'recorded-from': boundOf('recorded-from'),
      'recorded-before': boundOf('recorded-before'),
    },
  };
}

function paramsOf({ types, account, metadata, bounds }: ReturnType<typeof valuesOf>): URLSearchParams {
  const pairs: [string, string][] = [
    ['types', types.join(',')],
    ['account', account.trim()],
    ['metadata', metadata.trim()],
    // The address has instants, so that it finds the same in another zone.
    ...BOUNDS.map((name): [string, string] => [name, readLocalInstant(bounds[name]) ?? '']),
  ];
  return new URLSearchParams(pairs.filter(([, value]) => value !== ''));
}
