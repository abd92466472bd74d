import { useState } from 'react';
import type { TransactionDetails } from '../../data/transactions.ts';
import { Section } from '../../kit/page.tsx';
import { type Flow, flowsOf, isPictured } from '../../parts/flow/flow.ts';
import { FlowPicture } from '../../parts/flow/flow-picture.tsx';
import { useSession } from '../../session/session-context.ts';
import { EntryTables } from './entry-table.tsx';

const WORDS: Readonly<Record<Flow['kind'], string>> = {
  posted: 'Posted: these entries changed the balances.',
  reserved: 'Pending: money was reserved. These entries did not change the balances.',
  released: 'Pending: reserved money was released. These entries did not change the balances.',
};

/** The entries of a transaction: who paid whom, as a picture or as tables. */
export function Entries({ transaction }: { readonly transaction: TransactionDetails }) {
  const { exponents, viewer } = useSession();
  const [isTable, setTable] = useState(false);
  const pictured = isPictured(transaction);
  const flows = pictured ? flowsOf(transaction, exponents) : [];
  const choice = (name: string, forTable: boolean) => (
    <button
      type="button"
      className="button plain small"
      aria-pressed={isTable === forTable}
      onClick={() => setTable(forTable)}
    >
      {name}
    </button>
  );
  const actions = pictured ? (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields of a form
    <div role="group" aria-label="Show the entries as" className="transaction-switch">
      {choice('Picture', false)}
      {choice('Table', true)}
    </div>
  ) : undefined;
  return (
    <Section title="Entries" actions={actions}>
      {pictured && !isTable ? (
        <>
          <div className="transaction-flows">
            {flows.map((flow, place) => (
              <figure key={`${flow.kind} ${flow.currency}`}>
                {flows[place - 1]?.kind === flow.kind ? null : (
                  <figcaption className="quiet">{WORDS[flow.kind]}</figcaption>
                )}
                <FlowPicture flow={flow} label={`Who paid whom in ${flow.currency}`} />
                {flow.from.length > 1 && flow.to.length > 1 ? (
                  <p className="quiet">
                    Several accounts pay, and several receive. The entries do not say which of them paid
                    which.
                  </p>
                ) : null}
              </figure>
            ))}
          </div>
          <EntryTables transaction={transaction} exponents={exponents} isUnseen />
        </>
      ) : (
        <EntryTables transaction={transaction} exponents={exponents} />
      )}
      {viewer.owner === null ? null : (
        <p className="quiet">Entries of accounts of other owners are not listed.</p>
      )}
    </Section>
  );
}
