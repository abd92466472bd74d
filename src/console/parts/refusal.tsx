import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { explainRefusal, type Fact, type Refusal } from '../data/payments/refusals.ts';
import { pathTo } from '../data/place.ts';
import { Notice } from '../kit/notice.tsx';
import { shortId } from '../kit/values/copy.tsx';
import { Facts } from '../kit/values/facts.tsx';
import { Amount } from '../kit/values/money.tsx';
import { Time } from '../kit/values/time.tsx';
import { AccountName } from './accounts/account-name.tsx';

interface RefusalViewProps {
  readonly refusal: Refusal;
  readonly actions?: ReactNode;
  /** A warning, where the refusal is expected but has not happened. */
  readonly tone?: 'bad' | 'warning';
}

/** A refusal of the ledger in words, with its facts. */
export function RefusalView({ refusal, actions, tone = 'bad' }: RefusalViewProps) {
  const { title, facts, advice } = explainRefusal(refusal);
  return (
    <Notice tone={tone} title={title} actions={actions}>
      <Facts facts={facts.map((fact) => [fact.name, <FactValue key={fact.name} fact={fact} />])} />
      <p>{advice}</p>
      <details>
        <summary>Message of the ledger</summary>
        <p className="details">
          <code>{refusal.code}</code> {refusal.message}
        </p>
      </details>
    </Notice>
  );
}

function FactValue({ fact }: { readonly fact: Fact }) {
  if ('money' in fact) return <Amount money={fact.money} />;
  if ('instant' in fact) return <Time at={fact.instant} length="full" />;
  if ('link' in fact && fact.link === 'account') return <AccountName id={fact.id} isLink />;
  if ('link' in fact) return <Link href={pathTo[fact.link](fact.id)}>{shortId(fact.id)}</Link>;
  return <>{fact.text}</>;
}
