import './account.css';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { Link, useSearchParams } from 'wouter';
import { type Account, accountQuery } from '../../data/accounts.ts';
import { pathTo } from '../../data/place.ts';
import { QueryView } from '../../kit/lists/query-view.tsx';
import { Notice } from '../../kit/notice.tsx';
import { Page, Section } from '../../kit/page.tsx';
import { Empty, Forbidden } from '../../kit/states.tsx';
import { type TabOf, Tabs } from '../../kit/tabs.tsx';
import { AccountStatus } from '../../kit/values/account-status.tsx';
import { nameOf } from '../../kit/values/names.ts';
import { useSession } from '../../session/session-context.ts';
import { AccountDialog, ChangeButtons, MoneyLinks } from './account-actions.tsx';
import { AccountAbout, AccountMoney } from './account-facts.tsx';
import { type AccountChange, useUndecidedChange } from './change/change-dialog.tsx';
import { BalanceSection } from './plot/balance-section.tsx';
import { ChangesTab } from './tabs/changes-tab.tsx';
import { HistoryTab } from './tabs/history-tab.tsx';
import { HoldsTab } from './tabs/holds-tab.tsx';

/** One account: its money, its history, its holds and its changes. `id` is its id, or `ext:` and its externalId. */
export function AccountPage({ id }: { readonly id: string }) {
  const { client, isAllowed } = useSession();
  const query = useQuery({ ...accountQuery(client, id), enabled: isAllowed('account') });
  if (!isAllowed('account')) {
    return (
      <Page title="Account">
        <Forbidden what="reading accounts" scope="READ" />
      </Page>
    );
  }
  const account = query.data;
  return (
    <Page
      title={account == null ? 'Account' : nameOf(account)}
      heading={
        account == null ? undefined : (
          <span className="account-name">
            {nameOf(account)} <AccountStatus status={account.status} />
          </span>
        )
      }
      actions={account == null ? undefined : <MoneyLinks account={account} />}
    >
      <QueryView query={query}>
        {(found) => (found === null ? <NoAccount id={id} /> : <AccountView key={found.id} account={found} />)}
      </QueryView>
    </Page>
  );
}

function NoAccount({ id }: { readonly id: string }) {
  const { viewer } = useSession();
  return (
    <section className="card" aria-label="Account">
      <Empty title={`No account has the id ${id}.`}>
        <p>
          {viewer.owner === null
            ? 'Check the id. An external id needs ext: before it.'
            : `You see the accounts of ${viewer.owner} only.`}{' '}
          <Link href={pathTo.accounts}>Find an account</Link>
        </p>
      </Empty>
    </section>
  );
}

function AccountView({ account }: { readonly account: Account }) {
  const [change, setChange] = useState<AccountChange | undefined>(useUndecidedChange(account));
  const [message, setMessage] = useState('');
  const done = (text: string) => {
    setChange(undefined);
    setMessage(text);
  };
  const open = (next: AccountChange) => {
    setMessage('');
    setChange(next);
  };
  return (
    <div className="stack">
      <Done message={message} />
      {account.kind === 'EXTERNAL' ? (
        <Notice tone="info" title="This account stands for all money outside of the ledger.">
          Each deposit debits it and each withdrawal credits it, so it has no limits and cannot be frozen or
          closed.
        </Notice>
      ) : null}
      {account.status === 'FROZEN' ? (
        <Notice tone="warning" title="The account is frozen.">
          Transactions, holds and captures are rejected in both directions until it is unfrozen.
        </Notice>
      ) : null}
      <div className="account-top">
        <Section title="Balance">
          <AccountMoney account={account} />
        </Section>
        <BalanceSection account={account} />
      </div>
      <Section title="Details" actions={<ChangeButtons account={account} onOpen={open} />}>
        <AccountAbout account={account} />
      </Section>
      <section className="card" aria-label="History, holds and changes">
        <AccountTabs account={account} />
      </section>
      {change === undefined ? null : (
        <AccountDialog change={change} account={account} onClose={() => setChange(undefined)} onDone={done} />
      )}
    </div>
  );
}

/** Says what was done. It takes the focus if the button that opened the dialog is gone. */
function Done({ message }: { readonly message: string }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (message === '') return;
    // The dialog gives the focus back first.
    const timer = setTimeout(() => {
      if (document.activeElement === document.body) place.current?.focus();
    }, 0);
    return () => clearTimeout(timer);
  }, [message]);
  return (
    <div ref={place} role="status" tabIndex={-1} className="account-done">
      {message === '' ? null : <p className="notice good notice-title">{message}</p>}
    </div>
  );
}

const TABS = ['history', 'holds', 'changes'] as const;
type TabName = (typeof TABS)[number];

function AccountTabs({ account }: { readonly account: Account }) {
  const { isAllowed } = useSession();
  const [params, setParams] = useSearchParams();
  const tabs: TabOf<TabName>[] = [
    { name: 'history', label: 'History', content: <HistoryTab account={account} /> },
    { name: 'holds', label: 'Holds', content: <HoldsTab account={account} /> },
  ];
  if (isAllowed('Account.changes')) {
    tabs.push({ name: 'changes', label: 'Changes', content: <ChangesTab account={account} /> });
  }
  const selected = tabs.find(({ name }) => name === params.get('tab'))?.name ?? 'history';
  const select = (name: TabName) =>
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        if (name === 'history') next.delete('tab');
        else next.set('tab', name);
        return next;
      },
      { replace: true },
    );
  return <Tabs label="Parts of the account" tabs={tabs} selected={selected} onSelect={select} />;
}
