import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { isSameDay } from '../../data/instants.ts';
import { pathTo } from '../../data/place.ts';
import { type TransactionRow, transactionsQuery } from '../../data/transactions.ts';
import { wordOf } from '../../kit/badge.tsx';
import { PagedTable } from '../../kit/lists/paged-table.tsx';
import type { Column } from '../../kit/lists/table.tsx';
import { NEWEST } from '../../kit/lists/use-place.ts';
import { Section } from '../../kit/page.tsx';
import { Empty } from '../../kit/states.tsx';
import { Amount } from '../../kit/values/money.tsx';
import { Time } from '../../kit/values/time.tsx';
import { WhoPaid } from '../../parts/transactions/who-paid.tsx';
import { useSession } from '../../session/session-context.ts';

/** The number of transactions that the page shows. */
export const LATEST = 10;

const COLUMNS: readonly Column<TransactionRow>[] = [
  {
    name: 'Transaction',
    cell: (row) => (
      <>
        <Link href={pathTo.transaction(row.id)}>
          <WhoPaid transaction={row} />
        </Link>
        <span className="overview-more">{row.description ?? row.externalId}</span>
        <span className="overview-more narrow">
          {wordOf(row.type)}, <Recorded transaction={row} />
        </span>
      </>
    ),
  },
  { name: 'Type', isExtra: true, cell: ({ type }) => wordOf(type) },
  {
    name: 'Amount',
    isNumber: true,
    cell: ({ amount }) =>
      amount === null ? <span className="quiet">Several currencies</span> : <Amount money={amount} />,
  },
  { name: 'Recorded', isExtra: true, cell: (row) => <Recorded transaction={row} /> },
];

/** When a transaction was recorded, and its effective time if that is on another day. */
function Recorded({ transaction }: { readonly transaction: TransactionRow }) {
  const { createdAt, effectiveAt } = transaction;
  return (
    <>
      <Time at={createdAt} />
      {isSameDay(createdAt, effectiveAt) ? null : (
        <span className="overview-more">
          Effective <Time at={effectiveAt} />
        </span>
      )}
    </>
  );
}

/** The last transactions of the ledger. Those that come while the page is open have a mark. */
export function LatestTransactions() {
  const { client } = useSession();
  const query = useQuery(transactionsQuery(client, {}, {}, LATEST));
  return (
    <Section title="Last transactions" actions={<Link href={pathTo.transactions}>All transactions</Link>}>
      <div className="overview-latest">
        <PagedTable
          caption="Last transactions"
          query={query}
          columns={COLUMNS}
          keyOf={({ id }) => id}
          place={NEWEST}
          withoutPager
          empty={<Empty title="There are no transactions yet." />}
        />
      </div>
    </Section>
  );
}
