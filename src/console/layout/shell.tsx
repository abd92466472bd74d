import { type ReactNode, useEffect, useRef } from 'react';
import { Link, useLocation } from 'wouter';
import { zoneName } from '../data/instants.ts';
import { pathTo } from '../data/place.ts';
import { isOpenMode, useSession } from '../session/session-context.ts';
import { Connection } from './connection.tsx';
import { ErrorBoundary } from './error-boundary.tsx';
import { FindField } from './find-field.tsx';
import { Icon } from './icons.tsx';
import { LedgerSwitch } from './ledger-switch.tsx';
import { Sections } from './sections.tsx';
import { Who } from './who.tsx';

/** The frame of every page: where one can go, what ledger is shown, and who is signed in. */
export function Shell({ children }: { readonly children: ReactNode }) {
  const session = useSession();
  const main = useRef<HTMLElement>(null);
  const [path] = useLocation();
  const page = pageOf(path);
  const lastPage = useRef(page);
  // A reader of the screen begins with the new page, as after a load.
  useEffect(() => {
    if (lastPage.current === page) return;
    lastPage.current = page;
    const heading = main.current?.querySelector('h1') ?? main.current;
    heading?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [page]);
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className="top">
        <Link href={pathTo.overview} className="brand">
          <Icon name="ledger" />
          <span>Ledger</span>
        </Link>
        <FindField key={page} />
        <div className="top-end">
          <LedgerSwitch />
          <Who />
        </div>
      </header>
      {isOpenMode(session) ? (
        <p className="open-mode">
          Open mode: everyone who can reach this address may do everything.{' '}
          <Link href={pathTo.admin('keys')}>Create an API key</Link> to end it.
        </p>
      ) : null}
      <Sections />
      <main id="main" ref={main} tabIndex={-1}>
        <Connection />
        <ErrorBoundary key={page}>{children}</ErrorBoundary>
        <footer className="zone">Times are in the zone {zoneName()}.</footer>
      </main>
    </div>
  );
}

/** Returns the page of a path. The sections of the administration are tabs of one page, in which the focus stays. */
function pageOf(path: string): string {
  return path.startsWith('/admin/') ? '/admin' : path;
}
