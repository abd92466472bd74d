import { type ReactNode, useEffect } from 'react';

interface PageProps {
  readonly title: string;
  /** Shown instead of the title. */
  readonly heading?: ReactNode;
  /** Buttons of the page. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A page with its heading, which is also the title of the tab. */
export function Page({ title, heading, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · Ledger`;
  }, [title]);
  return (
    <>
      <header className="page-head">
        {/* The frame moves the focus here when the page is opened by a link. */}
        <h1 tabIndex={-1}>{heading ?? title}</h1>
        {actions === undefined ? null : <div className="row">{actions}</div>}
      </header>
      {children}
    </>
  );
}

interface SectionProps {
  readonly title: string;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A part of a page. */
export function Section({ title, actions, children }: SectionProps) {
  return (
    <section className="card" aria-label={title}>
      <header className="section-head">
        <h2>{title}</h2>
        {actions === undefined ? null : <div className="row">{actions}</div>}
      </header>
      {children}
    </section>
  );
}
