/** The states of a page or a part of it without data: it is loading, failed, empty, or forbidden. */
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { explainFailure } from '../data/failures.ts';
import { pathTo } from '../data/place.ts';
import { Button } from './button.tsx';
import { Notice } from './notice.tsx';
import { Page } from './page.tsx';

/** Lines that keep the place of a list that is being read. */
export function Loading({
  rows = 6,
  label = 'Loading',
}: {
  readonly rows?: number;
  readonly label?: string;
}) {
  return (
    <div className="loading" role="status">
      <span className="sr-only">{label}</span>
      {Array.from({ length: rows }, (_, row) => `row ${row}`).map((row) => (
        <span key={row} className="loading-row" aria-hidden="true" />
      ))}
    </div>
  );
}

export function LoadingPage() {
  return (
    <main className="alone">
      <Loading rows={4} label="Opening the ledger" />
    </main>
  );
}

interface FailedProps {
  readonly error: unknown;
  readonly onRetry: () => void;
}

/** Says why there is no data, what to do, and does it again on request. */
export function Failed({ error, onRetry }: FailedProps) {
  const { title, advice, details, kind } = explainFailure(error);
  return (
    <Notice
      tone={kind === 'forbidden' ? 'warning' : 'bad'}
      title={title}
      actions={<Button onPress={onRetry}>Try again</Button>}
    >
      <p>{advice}</p>
      <details>
        <summary>Details</summary>
        <p className="details">{details}</p>
      </details>
    </Notice>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly children?: ReactNode;
}

/** Says that there is nothing, and what to do about it. */
export function Empty({ title, children }: EmptyProps) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children === undefined ? null : <div className="row center">{children}</div>}
    </div>
  );
}

/** For an address that no page has. */
export function NotFound() {
  return (
    <Page title="Page not found">
      <Empty title="The console has no page at this address.">
        <Link href={pathTo.overview}>Overview</Link>
        <Link href={pathTo.accounts}>Accounts</Link>
        <Link href={pathTo.transactions}>Transactions</Link>
      </Empty>
    </Page>
  );
}

/** For a viewer without the right to a page. */
export function Forbidden({ what, scope }: { readonly what: string; readonly scope: string }) {
  return (
    <Notice tone="warning" title={`Your key or token does not permit ${what}.`}>
      Ask an administrator for one with the scope {scope}
      {scope === 'READ' || scope === 'POST' ? '' : ' that is not restricted to an owner'}.
    </Notice>
  );
}
