import './transactions.css';
import { Link } from 'wouter';
import { pathTo } from '../../data/place.ts';
import type { TransactionRow } from '../../data/transactions.ts';
import { wordOf } from '../../kit/badge.tsx';
import type { Column } from '../../kit/lists/table.tsx';
import { Time } from '../../kit/values/time.tsx';
import { AmountOf } from '../../parts/transactions/amount-of.tsx';
import { WhoPaid } from '../../parts/transactions/who-paid.tsx';

/** The columns of a list of transactions. */
export const TRANSACTION_COLUMNS: readonly Column<TransactionRow>[] = [
  {
    name: 'Type, effective',
    cell: ({ id, type, effectiveAt }) => (
      <Link href={pathTo.transaction(id)} className="transactions-link">
        {wordOf(type)} <Time at={effectiveAt} />
      </Link>
    ),
  },
  {
    name: 'Parties',
    cell: (row) => (
      <span className="transactions-who">
        <WhoPaid transaction={row} />
      </span>
    ),
  },
  { name: 'Amount', isNumber: true, cell: (row) => <AmountOf transaction={row} /> },
  {
    name: 'Description, external id',
    isExtra: true,
    cell: ({ description, externalId }) => (
      <span className="transactions-about">
        {description}
        {externalId === null ? null : <code className="quiet">{externalId}</code>}
      </span>
    ),
  },
  { name: 'Recorded', isExtra: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
];
