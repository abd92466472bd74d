import { useRef } from 'react';
import { flushSync } from 'react-dom';
import { Button } from '../../kit/button.tsx';
import { AmountField } from '../../kit/fields/amount-field.tsx';
import { SelectField, TextField } from '../../kit/fields/fields.tsx';
import { Glyph } from '../../kit/glyph.tsx';
import { nameOf } from '../../kit/values/names.ts';
import { AccountField } from '../../parts/accounts/account-field.tsx';
import type { FieldsProps } from './fields.ts';
import type { JournalRow } from './journal-balance.ts';
import { JournalSums } from './journal-sums.tsx';

const SIDES = [
  { value: 'DEBIT', label: 'Debit' },
  { value: 'CREDIT', label: 'Credit' },
] as const;
const EMPTY: JournalRow = { account: '', side: 'CREDIT', amount: '', description: '' };

/** The rows of a journal, with what is missing to equal sums. */
export function JournalFields({ values, facts, change, errorOf }: FieldsProps) {
  const { rows } = values;
  const list = useRef<HTMLOListElement>(null);
  /** Moves the focus at once: keys that are pressed next belong there. */
  const showRows = (next: readonly JournalRow[], index: number, what: 'input' | '.journal-remove button') => {
    flushSync(() => change({ rows: next }));
    const row = list.current?.children.item(index);
    row?.querySelector<HTMLElement>(what)?.focus();
  };
  const changeRow = (index: number, part: Partial<JournalRow>) =>
    change({ rows: rows.map((row, place) => (place === index ? { ...row, ...part } : row)) });
  const add = () => showRows([...rows, EMPTY], rows.length, 'input');
  const remove = (index: number) => {
    const others = rows.filter((_, place) => place !== index);
    showRows(others, Math.min(index, rows.length - 2), '.journal-remove button');
  };
  return (
    <>
      <ol className="journal-rows" ref={list}>
        {rows.map((row, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity but their place
          <li key={index}>
            <fieldset className="journal-row">
              <legend>Row {index + 1}</legend>
              <AccountField
                label="Account"
                value={row.account}
                error={errorOf(`rows.${index}.account`)}
                onChange={(account) => changeRow(index, { account })}
              />
              <SelectField
                label="Side"
                value={row.side}
                choices={SIDES}
                onChange={(side) => changeRow(index, { side })}
              />
              <AmountField
                value={row.amount}
                currency={facts.accounts.get(row.account.trim())?.currency}
                error={errorOf(`rows.${index}.amount`)}
                onChange={(amount) => changeRow(index, { amount })}
              />
              <TextField
                label="Note"
                isOptional
                value={row.description}
                onChange={(description) => changeRow(index, { description })}
              />
              <span className="journal-remove">
                <Button
                  kind="quiet"
                  label={`Remove row ${index + 1}`}
                  isDisabled={rows.length <= 2}
                  onPress={() => remove(index)}
                >
                  <Glyph name="cross" />
                </Button>
              </span>
            </fieldset>
          </li>
        ))}
      </ol>
      <div className="row">
        <Button isDisabled={rows.length >= 100} onPress={add}>
          Add a row
        </Button>
        <span className="quiet">{rows.length} of at most 100 rows</span>
      </div>
      <JournalSums
        rows={rows}
        facts={facts}
        error={errorOf('rows')}
        onFill={(filled) => change({ rows: filled })}
      />
      <KeyAccountField values={values} facts={facts} change={change} />
    </>
  );
}

/** Chooses the account of the rows that the idempotency key belongs to. */
function KeyAccountField({ values, facts, change }: Pick<FieldsProps, 'values' | 'facts' | 'change'>) {
  const ids = [...new Set(values.rows.map(({ account }) => account.trim()))].filter((id) =>
    facts.accounts.has(id),
  );
  if (ids.length < 2) return null;
  const choices = ids.map((id) => {
    const account = facts.accounts.get(id);
    return { value: id, label: account === undefined ? id : nameOf(account) };
  });
  return (
    <SelectField
      label="Account of the idempotency key"
      value={ids.includes(values.keyAccount) ? values.keyAccount : (ids[0] ?? '')}
      choices={choices}
      description="The key that prevents a second posting is recorded for this account. Usually it is the one that pays."
      onChange={(keyAccount) => change({ keyAccount })}
    />
  );
}
