import { Link } from 'wouter';
import type { AccountRow } from '../../data/accounts.ts';
import { pathTo } from '../../data/place.ts';
import type { Column } from '../../kit/lists/table.tsx';
import { AccountStatus } from '../../kit/values/account-status.tsx';
import { Amount } from '../../kit/values/money.tsx';
import { nameOf } from '../../kit/values/names.ts';
import { Time } from '../../kit/values/time.tsx';

/** The columns of lists of accounts. */
export const ACCOUNT_COLUMNS: readonly Column<AccountRow>[] = [
  { name: 'Account', cell: (row) => <Link href={pathTo.account(row.id)}>{nameOf(row)}</Link> },
  { name: 'Status', cell: ({ status }) => <AccountStatus status={status} /> },
  { name: 'Balance', isNumber: true, cell: ({ balance }) => <Amount money={balance} /> },
  { name: 'Held', isNumber: true, isExtra: true, cell: ({ held }) => <Amount money={held} /> },
  { name: 'Created', isExtra: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
];
