import './overview.css';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { accountsQuery } from '../../data/accounts.ts';
import { pathTo } from '../../data/place.ts';
import { transactionsQuery } from '../../data/transactions.ts';
import { Button, ButtonLink } from '../../kit/button.tsx';
import { PagedTable } from '../../kit/lists/paged-table.tsx';
import { usePlace } from '../../kit/lists/use-place.ts';
import { Page, Section } from '../../kit/page.tsx';
import { Empty } from '../../kit/states.tsx';
import { ACCOUNT_COLUMNS } from '../../parts/accounts/account-columns.tsx';
import { CreateAccountDialog } from '../../parts/accounts/create-account-dialog.tsx';
import { useSession } from '../../session/session-context.ts';
import { ChainHead } from './chain-head.tsx';
import { Counts } from './counts.tsx';
import { LATEST, LatestTransactions } from './latest-transactions.tsx';
import { Start } from './start.tsx';
import { TrialBalance } from './trial-balance.tsx';
import { WithoutReading } from './without-reading.tsx';

/** Shows the state of the ledger and its last transactions, as far as the viewer may read them. */
export function OverviewPage() {
  const { isAllowed, viewer } = useSession();
  const [isCreating, setCreating] = useState(false);
  const create = () => setCreating(true);
  const actions = (
    <>
      {isAllowed('createAccount') ? <Button onPress={create}>Create account</Button> : null}
      {isAllowed('transfer') ? (
        <ButtonLink to={pathTo.move('transfer')} kind="primary">
          Move money
        </ButtonLink>
      ) : null}
    </>
  );
  return (
    <Page title="Overview" actions={actions}>
      {isAllowed('transactions') ? (
        <WholeLedger onCreateAccount={create} />
      ) : isAllowed('accounts') ? (
        <OwnAccounts owner={viewer.owner ?? ''} />
      ) : (
        <WithoutReading />
      )}
      {isCreating ? (
        <CreateAccountDialog onClose={() => setCreating(false)} onCreated={() => setCreating(false)} />
      ) : null}
    </Page>
  );
}

function WholeLedger({ onCreateAccount }: { readonly onCreateAccount: () => void }) {
  const { client } = useSession();
  const { data } = useQuery(transactionsQuery(client, {}, {}, LATEST));
  // The sums and lists of an empty ledger would say nothing, three times.
  const isEmpty = data?.nodes.length === 0;
  return (
    <>
      {isEmpty ? <Start onCreateAccount={onCreateAccount} /> : null}
      <Counts />
      {isEmpty ? null : (
        <div className="overview-parts">
          <div className="stack">
            <TrialBalance />
            <LatestTransactions />
          </div>
          <ChainHead />
        </div>
      )}
    </>
  );
}

/** For a viewer restricted to an owner. */
function OwnAccounts({ owner }: { readonly owner: string }) {
  const { client } = useSession();
  const place = usePlace();
  const query = useQuery(accountsQuery(client, {}, place.place));
  return (
    <Section title={`Accounts of ${owner}`}>
      <PagedTable
        caption={`Accounts of ${owner}`}
        query={query}
        columns={ACCOUNT_COLUMNS}
        keyOf={({ id }) => id}
        place={place}
        empty={<Empty title="There are no accounts yet. The service creates them." />}
      />
    </Section>
  );
}
