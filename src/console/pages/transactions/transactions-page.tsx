import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'wouter';
import { pathTo } from '../../data/place.ts';
import { transactionsQuery } from '../../data/transactions.ts';
import { ButtonLink } from '../../kit/button.tsx';
import { PagedTable } from '../../kit/lists/paged-table.tsx';
import { usePlace } from '../../kit/lists/use-place.ts';
import { Page } from '../../kit/page.tsx';
import { Empty } from '../../kit/states.tsx';
import { OwnAccountsOnly } from '../../parts/transactions/own-accounts-only.tsx';
import { useSession } from '../../session/session-context.ts';
import { TRANSACTION_COLUMNS } from './columns.tsx';
import { readFilter } from './filter.ts';
import { TransactionFilterForm } from './transaction-filter.tsx';

/** Finds transactions. Its address keeps the filter and the page of the list. */
export function TransactionsPage() {
  const { isAllowed } = useSession();
  if (!isAllowed('transactions')) {
    return (
      <Page title="Transactions">
        <OwnAccountsOnly what="transactions" />
      </Page>
    );
  }
  return (
    <Page title="Transactions">
      <TransactionFilterForm />
      <section className="card" aria-label="Transactions">
        <TransactionTable />
      </section>
    </Page>
  );
}

function TransactionTable() {
  const { client } = useSession();
  const [params] = useSearchParams();
  const place = usePlace();
  const filter = readFilter(params);
  const query = useQuery(transactionsQuery(client, filter, place.place));
  return (
    <PagedTable
      caption="Transactions"
      query={query}
      columns={TRANSACTION_COLUMNS}
      keyOf={({ id }) => id}
      place={place}
      empty={<NoTransactions isFiltered={Object.keys(filter).length > 0} />}
    />
  );
}

function NoTransactions({ isFiltered }: { readonly isFiltered: boolean }) {
  const { isAllowed } = useSession();
  if (isFiltered) {
    return (
      <Empty title="No transaction matches. To find one by its id or external id, use the field at the top." />
    );
  }
  return (
    <Empty title="There are no transactions yet. A deposit brings money into the ledger.">
      {isAllowed('deposit') ? <ButtonLink to={pathTo.move('deposit')}>Deposit</ButtonLink> : null}
    </Empty>
  );
}
