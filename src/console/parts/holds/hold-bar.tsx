import './hold-bar.css';
import type { Hold } from '../../data/transactions.ts';
import { Amount } from '../../kit/values/money.tsx';
import { partsOf } from './shares.ts';

/** How much of a hold is captured, how much remains, and how much was released: as a bar, and as numbers. */
export function HoldBar({ hold }: { readonly hold: Pick<Hold, 'amount' | 'captured' | 'remaining'> }) {
  const parts = partsOf(hold);
  let x = 0;
  return (
    <div className="hold-parts">
      <svg viewBox="0 0 1000 16" preserveAspectRatio="none" className="hold-bar" aria-hidden="true">
        <rect width="1000" height="16" className="hold-released" />
        {parts.map(({ name, share }) => {
          const start = x;
          x += share;
          return (
            <rect key={name} x={start} width={share} height="16" className={`hold-${name.toLowerCase()}`} />
          );
        })}
      </svg>
      <dl className="hold-legend">
        <div>
          <dt>Reserved</dt>
          <dd>
            <Amount money={hold.amount} />
          </dd>
        </div>
        {parts.map(({ name, money }) => (
          <div key={name}>
            <dt>
              <span className={`hold-key hold-${name.toLowerCase()}`} aria-hidden="true" />
              {name}
            </dt>
            <dd>
              <Amount money={money} />
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
