import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { pathTo } from '../../data/place.ts';
import { Notice } from '../../kit/notice.tsx';
import { useSession } from '../../session/session-context.ts';

/** For a viewer without the scope READ: says what it may do. */
export function WithoutReading() {
  const { isAllowed, viewer } = useSession();
  const rights: (readonly [name: string, what: ReactNode])[] = [];
  if (isAllowed('transfer')) {
    rights.push([
      'post',
      <Link key="post" href={pathTo.move('transfer')}>
        Move money
      </Link>,
    ]);
  }
  if (isAllowed('createAccount')) rights.push(['create', 'Create accounts']);
  if (isAllowed('apiKeys')) {
    rights.push([
      'admin',
      <Link key="admin" href={pathTo.admin('keys')}>
        Administer keys and ledgers
      </Link>,
    ]);
  }
  return (
    <Notice tone="info" title="Your key or token does not permit reading the ledger.">
      <p>
        {viewer.scopes.length === 0 ? 'It has no scopes.' : `Its scopes are ${viewer.scopes.join(', ')}.`} Ask
        an administrator for one with the scope READ to see accounts and transactions.
      </p>
      {rights.length === 0 ? null : (
        <>
          <p>It permits:</p>
          <ul className="overview-rights">
            {rights.map(([name, what]) => (
              <li key={name}>{what}</li>
            ))}
          </ul>
        </>
      )}
    </Notice>
  );
}
