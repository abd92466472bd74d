import type { Hold } from '../../data/transactions.ts';
import { Time } from '../../kit/values/time.tsx';
import { timeLeft } from './time-left.ts';

/** When a hold expires, with how long is left. */
export function Expiry({ hold }: { readonly hold: Pick<Hold, 'status' | 'expiresAt'> }) {
  const { status, expiresAt } = hold;
  if (expiresAt === null) return <>Never</>;
  const isPast = Date.parse(expiresAt) <= Date.now();
  return (
    <>
      <Time at={expiresAt} />
      {status === 'OPEN' ? (
        <span className="quiet">
          {' '}
          {isPast
            ? '(expired: the ledger releases it within seconds)'
            : `(in ${timeLeft(expiresAt, Date.now())})`}
        </span>
      ) : null}
    </>
  );
}
