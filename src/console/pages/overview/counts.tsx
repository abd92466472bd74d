import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import {
  accountsIn,
  differenceOf,
  headQuery,
  openHoldsQuery,
  trialBalanceQuery,
} from '../../data/overview.ts';
import { pathTo } from '../../data/place.ts';
import { Glyph } from '../../kit/glyph.tsx';
import { useSession } from '../../session/session-context.ts';

/** The state of the ledger in a few numbers. Those that are not read yet, or cannot be read, are dashes. */
export function Counts() {
  const { client } = useSession();
  const { data: lines } = useQuery(trialBalanceQuery(client));
  const { data: holds } = useQuery(openHoldsQuery(client));
  const { data: head } = useQuery(headQuery(client));
  const accounts = lines?.reduce((sum, line) => sum + accountsIn(line), 0);
  const isBalanced = lines?.every((line) => differenceOf(line) === null);
  return (
    <dl className="overview-counts">
      <Count name="Books" tone={isBalanced === undefined ? undefined : isBalanced ? 'good' : 'bad'}>
        {isBalanced === undefined ? undefined : (
          <>
            <Glyph name={isBalanced ? 'check' : 'cross'} /> {isBalanced ? 'In balance' : 'Out of balance'}
          </>
        )}
      </Count>
      <Count name="Accounts" to={pathTo.accounts}>
        {accounts?.toLocaleString()}
      </Count>
      <Count name="Open holds" to={`${pathTo.holds}?status=OPEN`}>
        {holds}
      </Count>
      <Count name="Blocks in the chain">
        {head === undefined ? undefined : BigInt(head.number).toLocaleString()}
      </Count>
    </dl>
  );
}

interface CountProps {
  readonly name: string;
  readonly children: ReactNode;
  readonly to?: string;
  readonly tone?: 'good' | 'bad' | undefined;
}

function Count({ name, children, to, tone }: CountProps) {
  const value = children ?? <span aria-hidden="true">–</span>;
  return (
    <div className="card overview-count">
      <dt>{name}</dt>
      <dd className={tone}>{to === undefined ? value : <Link href={to}>{value}</Link>}</dd>
    </div>
  );
}
