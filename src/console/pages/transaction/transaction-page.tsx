import './transaction.css';
import { useQuery } from '@tanstack/react-query';
import { pathTo } from '../../data/place.ts';
import { reversedQuery, type TransactionDetails, transactionQuery } from '../../data/transactions.ts';
import { wordOf } from '../../kit/badge.tsx';
import { ButtonLink } from '../../kit/button.tsx';
import { QueryView } from '../../kit/lists/query-view.tsx';
import { Page } from '../../kit/page.tsx';
import { Empty, Forbidden } from '../../kit/states.tsx';
import { shortId } from '../../kit/values/copy.tsx';
import { useSession } from '../../session/session-context.ts';
import { About } from './about.tsx';
import { CopySection } from './copy-section.tsx';
import { Entries } from './entries.tsx';
import { HoldLinks, Reversals, Reverses } from './links.tsx';
import { Reverse } from './reverse.tsx';
import { isReversible, remainingOf } from './reversible.ts';

/** A transaction: who paid whom, its facts and its links, and a reversal where that is possible. */
export function TransactionPage({ id }: { readonly id: string }) {
  const { isAllowed } = useSession();
  if (!isAllowed('transaction')) {
    return (
      <Page title="Transaction">
        <Forbidden what="reading transactions" scope="READ" />
      </Page>
    );
  }
  return <Found id={id} />;
}

function Found({ id }: { readonly id: string }) {
  const { client } = useSession();
  const query = useQuery(transactionQuery(client, id));
  if (query.data == null) {
    return (
      <Page title="Transaction">
        <QueryView query={query}>{() => <NotFound id={id} />}</QueryView>
      </Page>
    );
  }
  return <View transaction={query.data} query={query} />;
}

interface ViewProps {
  readonly transaction: TransactionDetails;
  readonly query: Parameters<typeof QueryView<TransactionDetails | null>>[0]['query'];
}

function View({ transaction, query }: ViewProps) {
  const { client, isAllowed } = useSession();
  const { id, type, externalId, reverses } = transaction;
  const reversed = useQuery(reversedQuery(client, id));
  const remaining = reversed.data === undefined ? undefined : remainingOf(transaction, reversed.data);
  return (
    <Page
      title={`${wordOf(type)} ${externalId ?? shortId(id)}`}
      actions={
        isAllowed('reverseTransaction') && isReversible(transaction) ? (
          <Reverse key={id} transaction={transaction} remaining={remaining} />
        ) : undefined
      }
    >
      <QueryView query={query}>
        {() => (
          <div className="stack">
            {reverses === null ? null : <Reverses original={reverses} />}
            <Entries transaction={transaction} />
            <About transaction={transaction} />
            <Reversals transaction={transaction} remaining={remaining} />
            <HoldLinks transaction={transaction} />
            <CopySection transaction={transaction} />
          </div>
        )}
      </QueryView>
    </Page>
  );
}

function NotFound({ id }: { readonly id: string }) {
  const { viewer, isAllowed } = useSession();
  const isName = id.startsWith('ext:');
  const what = isName
    ? `No transaction has the external id ${id.slice(4)}.`
    : `No transaction has the id ${id}.`;
  return (
    <Empty
      title={
        viewer.owner === null
          ? `${what} Check it, or find the transaction by its account or its time.`
          : `No transaction of the accounts of ${viewer.owner} has the ${isName ? `external id ${id.slice(4)}` : `id ${id}`}.`
      }
    >
      {isAllowed('transactions') ? <ButtonLink to={pathTo.transactions}>Find transactions</ButtonLink> : null}
    </Empty>
  );
}
