import { Link } from 'wouter';
import { pathTo } from '../../data/place.ts';
import type { Entry, Party, TransactionRow } from '../../data/transactions.ts';
import { Badge } from '../../kit/badge.tsx';
import { TableFrame } from '../../kit/lists/table-frame.tsx';
import { Amount } from '../../kit/values/money.tsx';
import { nameOf } from '../../kit/values/names.ts';
import { sumOf } from '../../parts/flow/flow.ts';

interface EntryTablesProps {
  readonly transaction: Pick<TransactionRow, 'entries' | 'parties'>;
  readonly exponents: ReadonlyMap<string, number>;
  /** The tables are for screen readers alone, next to the picture: nothing in them takes the focus. */
  readonly isUnseen?: boolean;
}

/** The entries as tables, one for each currency, with the sums of both sides. */
export function EntryTables({ transaction, exponents, isUnseen = false }: EntryTablesProps) {
  const { entries, parties } = transaction;
  const currencies = [...new Set(entries.map(({ amount }) => amount.currency))];
  return (
    <div className={isUnseen ? 'sr-only' : 'stack'}>
      {currencies.map((currency) => (
        <EntryTable
          key={currency}
          caption={currencies.length === 1 ? 'Entries' : `Entries in ${currency}`}
          entries={entries.filter(({ amount }) => amount.currency === currency)}
          parties={parties}
          currency={currency}
          exponents={exponents}
          isUnseen={isUnseen}
        />
      ))}
    </div>
  );
}

interface EntryTableProps {
  readonly caption: string;
  readonly entries: readonly Entry[];
  readonly parties: readonly Party[];
  readonly currency: string;
  readonly exponents: ReadonlyMap<string, number>;
  readonly isUnseen: boolean;
}

function EntryTable({ caption, entries, parties, currency, exponents, isUnseen }: EntryTableProps) {
  const hasNotes = entries.some(({ description }) => description !== null);
  const hasPending = entries.some(({ layer }) => layer === 'PENDING');
  const layers = (['POSTED', 'PENDING'] as const).filter((layer) =>
    entries.some((entry) => entry.layer === layer),
  );
  const total = (layer: Entry['layer'], side: Entry['side']) => {
    const amounts = entries
      .filter((entry) => entry.layer === layer && entry.side === side)
      .map(({ amount }) => amount);
    return { amount: sumOf(amounts, currency, exponents), currency };
  };
  const table = (
    <table className="transaction-entries">
      <caption className="sr-only">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">Account</th>
          <th scope="col">Layer</th>
          <th scope="col" className="number">
            Debit ({currency})
          </th>
          <th scope="col" className="number">
            Credit ({currency})
          </th>
          <th scope="col" className="number">
            Balance after
          </th>
          {hasPending ? (
            <th scope="col" className="number">
              Held after
            </th>
          ) : null}
          {hasNotes ? <th scope="col">Description</th> : null}
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.id}>
            <td>
              <PartyName id={entry.account.id} parties={parties} isLink={!isUnseen} />
            </td>
            <td>
              <Layer layer={entry.layer} />
            </td>
            <SideCells side={entry.side} money={entry.amount} />
            <td className="number">
              <Amount money={entry.balanceAfter} withoutCurrency />
            </td>
            {hasPending ? (
              <td className="number">
                <Amount money={entry.heldAfter} withoutCurrency />
              </td>
            ) : null}
            {hasNotes ? <td>{entry.description}</td> : null}
          </tr>
        ))}
      </tbody>
      <tfoot>
        {layers.map((layer) => (
          <tr key={layer}>
            <th scope="row" colSpan={2}>
              {layers.length === 1 ? 'Total' : layer === 'POSTED' ? 'Total posted' : 'Total pending'}
            </th>
            <td className="number">
              <Amount money={total(layer, 'DEBIT')} withoutCurrency />
            </td>
            <td className="number">
              <Amount money={total(layer, 'CREDIT')} withoutCurrency />
            </td>
            <td colSpan={1 + (hasPending ? 1 : 0) + (hasNotes ? 1 : 0)} />
          </tr>
        ))}
      </tfoot>
    </table>
  );
  if (isUnseen) return table;
  return <TableFrame label={caption}>{table}</TableFrame>;
}

function Layer({ layer }: Pick<Entry, 'layer'>) {
  return layer === 'PENDING' ? <Badge tone="warning">Pending</Badge> : <span>Posted</span>;
}

function SideCells({ side, money }: { readonly side: Entry['side']; readonly money: Entry['amount'] }) {
  const amount = <Amount money={money} withoutCurrency />;
  return (
    <>
      <td className="number">{side === 'DEBIT' ? amount : null}</td>
      <td className="number">{side === 'CREDIT' ? amount : null}</td>
    </>
  );
}

interface PartyNameProps {
  readonly id: string;
  readonly parties: readonly Party[];
  readonly isLink?: boolean;
}

/** The name of an account of a transaction. */
function PartyName({ id, parties, isLink = true }: PartyNameProps) {
  const party = parties.find(({ accountId }) => accountId === id);
  const name = party === undefined ? id : nameOf(party);
  return isLink ? <Link href={pathTo.account(id)}>{name}</Link> : name;
}
