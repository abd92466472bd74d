import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { pathTo } from '../../data/place.ts';
import { type Reversal, reversalsQuery, type TransactionDetails } from '../../data/transactions.ts';
import { wordOf } from '../../kit/badge.tsx';
import { ButtonLink } from '../../kit/button.tsx';
import { PagedTable } from '../../kit/lists/paged-table.tsx';
import type { Column } from '../../kit/lists/table.tsx';
import { usePlace } from '../../kit/lists/use-place.ts';
import { Notice } from '../../kit/notice.tsx';
import { Section } from '../../kit/page.tsx';
import { shortId } from '../../kit/values/copy.tsx';
import { Amount } from '../../kit/values/money.tsx';
import { Time } from '../../kit/values/time.tsx';
import { HoldBar } from '../../parts/holds/hold-bar.tsx';
import { HoldStatus } from '../../parts/holds/hold-status.tsx';
import { HoldTransactions } from '../../parts/holds/hold-transactions.tsx';
import { useClient } from '../../session/session-context.ts';
import type { Remaining } from './reversible.ts';

/** Says that the transaction is a reversal, and of which one. */
export function Reverses({ original }: { readonly original: NonNullable<TransactionDetails['reverses']> }) {
  const { id, type, externalId } = original;
  return (
    <Notice tone="info" title="This is a reversal.">
      <p>
        It reverses the {wordOf(type).toLowerCase()}{' '}
        <Link href={pathTo.transaction(id)}>{externalId ?? shortId(id)}</Link>, wholly or in part.
      </p>
    </Notice>
  );
}

const REVERSAL_COLUMNS: readonly Column<Reversal>[] = [
  {
    name: 'Recorded',
    cell: ({ id, createdAt }) => (
      <Link href={pathTo.transaction(id)}>
        <Time at={createdAt} />
      </Link>
    ),
  },
  {
    name: 'Amount',
    isNumber: true,
    cell: ({ amount }) => (amount === null ? 'all entries' : <Amount money={amount} />),
  },
  { name: 'External id', cell: ({ externalId }) => (externalId === null ? null : <code>{externalId}</code>) },
];

interface ReversalsProps {
  readonly transaction: TransactionDetails;
  readonly remaining: Remaining | undefined;
}

/** The reversals of a transaction, and what remains to reverse. Nothing while there is none. */
export function Reversals({ transaction, remaining }: ReversalsProps) {
  const client = useClient();
  const place = usePlace('reversals');
  const query = useQuery(reversalsQuery(client, transaction.id, place.place));
  const isUnreversed = query.data?.nodes.length === 0 && place.isFirst;
  if (remaining === undefined || remaining.kind === 'never' || isUnreversed) return null;
  return (
    <Section title="Reversed by">
      <p>
        {remaining.kind === 'nothing' ? 'It is reversed wholly: nothing remains to reverse.' : null}
        {remaining.kind === 'amount' ? (
          <>
            <Amount money={remaining.money} /> remain to reverse.
          </>
        ) : null}
      </p>
      <PagedTable
        caption="Reversals"
        query={query}
        columns={REVERSAL_COLUMNS}
        keyOf={({ id }) => id}
        place={place}
        empty={null}
      />
    </Section>
  );
}

/** The hold of a transaction, with all transactions that placed, captured and released it. */
export function HoldLinks({ transaction }: { readonly transaction: TransactionDetails }) {
  const { hold } = transaction;
  if (hold === null) return null;
  return (
    <Section
      title="Hold"
      actions={
        <>
          <HoldStatus status={hold.status} />
          <ButtonLink to={pathTo.hold(hold.id)} size="small">
            Show the hold
          </ButtonLink>
        </>
      }
    >
      <HoldBar hold={hold} />
      <HoldTransactions holdId={hold.id} shownId={transaction.id} />
    </Section>
  );
}
