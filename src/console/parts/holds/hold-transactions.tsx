import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { pathTo } from '../../data/place.ts';
import { holdTransactionsQuery, type TransactionRow } from '../../data/transactions.ts';
import { wordOf } from '../../kit/badge.tsx';
import { PagedTable } from '../../kit/lists/paged-table.tsx';
import type { Column } from '../../kit/lists/table.tsx';
import { usePlace } from '../../kit/lists/use-place.ts';
import { Amount } from '../../kit/values/money.tsx';
import { Time } from '../../kit/values/time.tsx';
import { useClient } from '../../session/session-context.ts';

interface HoldTransactionsProps {
  readonly holdId: string;
  /** The transaction of the page, which is marked. */
  readonly shownId?: string;
}

/** The transactions of a hold, newest first. */
export function HoldTransactions({ holdId, shownId }: HoldTransactionsProps) {
  const client = useClient();
  const place = usePlace('hold');
  const query = useQuery(holdTransactionsQuery(client, holdId, place.place));
  const columns: readonly Column<TransactionRow>[] = [
    {
      name: 'Recorded',
      cell: ({ id, createdAt }) =>
        id === shownId ? (
          <span>
            <Time at={createdAt} /> <span className="quiet">(this one)</span>
          </span>
        ) : (
          <Link href={pathTo.transaction(id)}>
            <Time at={createdAt} />
          </Link>
        ),
    },
    { name: 'Type', cell: ({ type }) => wordOf(type) },
    {
      name: 'Amount',
      isNumber: true,
      cell: ({ amount }) => (amount === null ? null : <Amount money={amount} />),
    },
    { name: 'Description', isExtra: true, cell: ({ description }) => description },
    {
      name: 'External id',
      isExtra: true,
      cell: ({ externalId }) => (externalId === null ? null : <code>{externalId}</code>),
    },
  ];
  return (
    <PagedTable
      caption="Transactions of the hold"
      query={query}
      columns={columns}
      keyOf={({ id }) => id}
      place={place}
      empty={null}
    />
  );
}
