import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import { accountsQuery } from '../../data/accounts.ts';
import { pathTo } from '../../data/place.ts';
import { Button } from '../../kit/button.tsx';
import { PagedTable } from '../../kit/lists/paged-table.tsx';
import { usePlace } from '../../kit/lists/use-place.ts';
import { Page } from '../../kit/page.tsx';
import { Empty, Forbidden } from '../../kit/states.tsx';
import { ACCOUNT_COLUMNS } from '../../parts/accounts/account-columns.tsx';
import { CreateAccountDialog } from '../../parts/accounts/create-account-dialog.tsx';
import { useSession } from '../../session/session-context.ts';
import { AccountFilterForm } from './account-filter.tsx';
import { conditionsOf, readFilter } from './filter.ts';

/** Finds accounts. Its address keeps the filter and the page of the list. */
export function AccountsPage() {
  const { isAllowed } = useSession();
  const [isCreating, setCreating] = useState(false);
  const [, go] = useLocation();
  if (!isAllowed('accounts')) {
    return (
      <Page title="Accounts">
        <Forbidden what="reading accounts" scope="READ" />
      </Page>
    );
  }
  const create = isAllowed('createAccount') ? (
    <Button kind="primary" onPress={() => setCreating(true)}>
      Create account
    </Button>
  ) : undefined;
  return (
    <Page title="Accounts" actions={create}>
      <AccountFilterForm />
      <section className="card" aria-label="Accounts">
        <AccountTable />
      </section>
      {isCreating ? (
        <CreateAccountDialog
          onClose={() => setCreating(false)}
          onCreated={({ id }) => go(pathTo.account(id))}
        />
      ) : null}
    </Page>
  );
}

function AccountTable() {
  const { client } = useSession();
  const [params] = useSearchParams();
  const place = usePlace();
  const query = useQuery(accountsQuery(client, readFilter(params), place.place));
  return (
    <PagedTable
      caption="Accounts"
      query={query}
      columns={ACCOUNT_COLUMNS}
      keyOf={({ id }) => id}
      place={place}
      empty={
        conditionsOf(params) === 0 ? (
          <Empty title="There are no accounts yet. An account holds the money of one owner in one currency." />
        ) : (
          <Empty title="No account matches. Remove a condition, or show all." />
        )
      }
    />
  );
}
