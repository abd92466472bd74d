import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useSearchParams } from 'wouter';
import { type Account, type HistoryEntry, historyQuery } from '../../../data/accounts.ts';
import { pathTo } from '../../../data/place.ts';
import type { Party } from '../../../data/transactions.ts';
import { Badge, wordOf } from '../../../kit/badge.tsx';
import { Button } from '../../../kit/button.tsx';
import { PagedTable } from '../../../kit/lists/paged-table.tsx';
import type { Column } from '../../../kit/lists/table.tsx';
import { usePlace } from '../../../kit/lists/use-place.ts';
import { Empty } from '../../../kit/states.tsx';
import { Amount } from '../../../kit/values/money.tsx';
import { Time } from '../../../kit/values/time.tsx';
import { useSession } from '../../../session/session-context.ts';
import { effectOf, signedAmount } from './entry-words.ts';
import { HistoryFilterForm, readHistoryFilter } from './history-filter.tsx';
import { PartyLink } from './party-link.tsx';

/** The entries of an account with the balance after each. The address keeps the filter and the page of the list. */
export function HistoryTab({ account }: { readonly account: Account }) {
  const { client } = useSession();
  const [params] = useSearchParams();
  const place = usePlace('history');
  const filter = readHistoryFilter(params);
  const conditions = Object.keys(filter).length;
  const [isFiltering, setFiltering] = useState(conditions > 0);
  const query = useQuery(historyQuery(client, account.id, filter, place.place));
  return (
    <div className="stack">
      <div className="row">
        <Button size="small" isExpanded={isFiltering} onPress={() => setFiltering(!isFiltering)}>
          {conditions === 0 ? 'Filter' : `Filter (${conditions})`}
        </Button>
      </div>
      {isFiltering ? <HistoryFilterForm /> : null}
      <PagedTable
        caption="History"
        query={query}
        columns={columnsOf(account)}
        keyOf={({ id }) => id}
        place={place}
        empty={
          conditions === 0 ? (
            <Empty title="The account has no entries yet. An entry is one line of a transaction." />
          ) : (
            <Empty title="No entry matches." />
          )
        }
      />
    </div>
  );
}

function columnsOf(account: Account): readonly Column<HistoryEntry>[] {
  const { normalSide } = account;
  return [
    { name: 'Effective', isExtra: true, cell: ({ effectiveAt }) => <Time at={effectiveAt} /> },
    { name: 'Transaction', cell: (entry) => <Transaction entry={entry} normalSide={normalSide} /> },
    { name: 'With', isExtra: true, cell: (entry) => <Others entry={entry} account={account} /> },
    { name: 'Layer', isExtra: true, cell: (entry) => <Effect entry={entry} normalSide={normalSide} /> },
    { name: 'Side', isExtra: true, cell: ({ side }) => wordOf(side) },
    {
      name: 'Amount',
      isNumber: true,
      cell: (entry) => (
        <data
          value={entry.amount.amount}
          className={entry.layer === 'PENDING' ? 'amount account-pending' : 'amount'}
        >
          {signedAmount(entry, normalSide)}
        </data>
      ),
    },
    {
      name: 'Balance',
      isNumber: true,
      cell: ({ balanceAfter }) => <Amount money={balanceAfter} withoutCurrency />,
    },
  ];
}

interface EntryProps {
  readonly entry: HistoryEntry;
  readonly normalSide: Account['normalSide'];
}

function Effect({ entry, normalSide }: EntryProps) {
  return <Badge tone={entry.layer === 'POSTED' ? 'neutral' : 'warning'}>{effectOf(entry, normalSide)}</Badge>;
}

function Transaction({ entry, normalSide }: EntryProps) {
  const { type, id, description, externalId } = entry.transaction;
  const title = description ?? entry.description;
  const about = [
    title === null ? [] : [wordOf(type)],
    externalId ?? [],
    entry.description === null || entry.description === title ? [] : [entry.description],
  ];
  return (
    <div className="account-transaction">
      <Link href={pathTo.transaction(id)}>{title ?? wordOf(type)}</Link>
      <span className="quiet">{about.flat().join(' · ')}</span>
      <span className="account-narrow">
        <Time at={entry.effectiveAt} />
      </span>
      {entry.layer === 'PENDING' ? (
        <span className="account-narrow">
          <Effect entry={entry} normalSide={normalSide} />
        </span>
      ) : null}
    </div>
  );
}

const SHOWN = 2;

/** Who else took part. */
function Others({ entry, account }: { readonly entry: HistoryEntry; readonly account: Account }) {
  const { parties } = entry.transaction;
  const others = parties.filter(({ accountId }) => accountId !== account.id);
  // Two accounts of one owner need their full names.
  const isAlone = ({ owner }: Party) => parties.filter((party) => party.owner === owner).length === 1;
  const more = others.length - SHOWN;
  return (
    <ul className="account-others">
      {others.slice(0, SHOWN).map((party) => (
        <li key={party.accountId}>
          <PartyLink party={party} isShort={isAlone(party)} />
        </li>
      ))}
      {more > 0 ? (
        <li className="quiet">
          and {more} {more === 1 ? 'other' : 'others'}
        </li>
      ) : null}
    </ul>
  );
}
