import { Redirect, Route, Switch } from 'wouter';
import { pathTo } from './data/place.ts';
import { idIn } from './data/segments.ts';
import { NotFound } from './kit/states.tsx';
import { Shell } from './layout/shell.tsx';
import { AccountPage } from './pages/account/account-page.tsx';
import { AccountsPage } from './pages/accounts/accounts-page.tsx';
import { AdminPage } from './pages/admin/admin-page.tsx';
import { HoldPage } from './pages/holds/hold-page.tsx';
import { HoldsPage } from './pages/holds/holds-page.tsx';
import { MovePage } from './pages/move/move-page.tsx';
import { OverviewPage } from './pages/overview/overview-page.tsx';
import { TransactionPage } from './pages/transaction/transaction-page.tsx';
import { TransactionsPage } from './pages/transactions/transactions-page.tsx';

/** The pages by their paths, which `pathTo` builds. The service serves them by their first segment: see src/server/pages/console.ts. */
export function App() {
  return (
    <Shell>
      <Switch>
        <Route path="/">
          <OverviewPage />
        </Route>
        <Route path="/accounts">
          <AccountsPage />
        </Route>
        <Route path="/accounts/:id">{({ id }) => <AccountPage key={id} id={idIn(id)} />}</Route>
        <Route path="/transactions">
          <TransactionsPage />
        </Route>
        <Route path="/transactions/:id">{({ id }) => <TransactionPage key={id} id={idIn(id)} />}</Route>
        <Route path="/holds">
          <HoldsPage />
        </Route>
        <Route path="/holds/:id">{({ id }) => <HoldPage key={id} id={idIn(id)} />}</Route>
        <Route path="/move">
          <Redirect to={pathTo.move('transfer')} replace />
        </Route>
        <Route path="/admin">
          <Redirect to={pathTo.admin('keys')} replace />
        </Route>
        <Route path="/move/:kind">{({ kind }) => <MovePage key={kind} kind={kind} />}</Route>
        <Route path="/admin/:section">{({ section }) => <AdminPage section={section} />}</Route>
        <Route>
          <NotFound />
        </Route>
      </Switch>
    </Shell>
  );
}
