import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { type Account, type BalanceAfter, balancesQuery } from '../../../data/accounts.ts';
import { formatMoney } from '../../../data/amounts.ts';
import { formatInstant } from '../../../data/instants.ts';
import { QueryView } from '../../../kit/lists/query-view.tsx';
import { Section } from '../../../kit/page.tsx';
import { Empty } from '../../../kit/states.tsx';
import { useSession } from '../../../session/session-context.ts';
import { type BalancePlot, plotBalances } from './balance-plot.ts';
import { useScheme } from './use-scheme.ts';

/** The balance after the last posted entries as a picture, with its text. */
export function BalanceSection({ account }: { readonly account: Account }) {
  const { client } = useSession();
  const query = useQuery(balancesQuery(client, account));
  return (
    <Section title="Balance over the last entries">
      <QueryView query={query}>
        {({ nodes }) => <Picture entries={nodes} currency={account.currency} />}
      </QueryView>
    </Section>
  );
}

interface PictureProps {
  readonly entries: readonly BalanceAfter[];
  readonly currency: string;
}

function Picture({ entries, currency }: PictureProps) {
  const { exponents } = useSession();
  const exponent = exponents.get(currency);
  const plot = useMemo(
    () => (exponent === undefined ? undefined : plotBalances(entries, exponent)),
    [entries, exponent],
  );
  if (plot === undefined) {
    return <Empty title="The picture begins with the second posted entry." />;
  }
  return <Figure plot={plot} />;
}

function Figure({ plot }: { readonly plot: BalancePlot }) {
  const host = useRef<HTMLDivElement>(null);
  const scheme = useScheme();
  const [place, setPlace] = useState<number | null>(null);
  const [isDrawable, setDrawable] = useState(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another scheme has other colours
  useEffect(() => {
    let isGone = false;
    let remove: (() => void) | undefined;
    // uPlot does not load in a browser whose language Intl does not know. The rest of the console must not depend on it.
    import('./draw.ts').then(
      ({ draw }) => {
        if (!isGone && host.current !== null) remove = draw(host.current, plot, setPlace);
      },
      () => setDrawable(false),
    );
    return () => {
      isGone = true;
      remove?.();
    };
  }, [plot, scheme]);
  const { entries, from, to, lowest, highest } = plot;
  const pointed = entries[place ?? entries.length - 1] ?? entries.at(-1);
  return (
    <figure className="account-plot">
      {isDrawable ? <div ref={host} className="account-plot-host" aria-hidden="true" /> : null}
      {pointed === undefined ? null : (
        <p className="account-plot-point" aria-hidden="true">
          <span>
            Entry {pointed.version}, effective {formatInstant(pointed.effectiveAt)}
          </span>
          <strong className="amount">{formatMoney(pointed.balanceAfter)}</strong>
        </p>
      )}
      <figcaption className="quiet">
        The balance after the last {entries.length} posted entries: from {formatMoney(from)} to{' '}
        {formatMoney(to)}, lowest {formatMoney(lowest)}, highest {formatMoney(highest)}.
      </figcaption>
    </figure>
  );
}
