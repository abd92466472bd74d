import type { Account } from '../../data/accounts.ts';
import { actorName } from '../../data/actor-name.ts';
import { wordOf } from '../../kit/badge.tsx';
import { Copy, Id } from '../../kit/values/copy.tsx';
import { Facts } from '../../kit/values/facts.tsx';
import { Amount } from '../../kit/values/money.tsx';
import { Time } from '../../kit/values/time.tsx';

/** Returns the side on which the balance is positive, with what a positive balance means. */
function sideOf({ kind, normalSide }: Account): string {
  if (kind === 'EXTERNAL') return 'Debit: the balance is what came in less what went out';
  return normalSide === 'CREDIT'
    ? 'Credit: the balance is what you owe the owner'
    : 'Debit: the balance is what you own';
}

/** The amounts of an account. Those that are made of others follow them. */
export function AccountMoney({ account }: { readonly account: Account }) {
  const { balance, held, available, incoming, minBalance, maxBalance, totalDebits, totalCredits } = account;
  return (
    <>
      <p className="account-balance">
        <Amount money={balance} />
      </p>
      <Facts
        facts={[
          ['Available', available === null ? 'no lower limit' : <Amount key="available" money={available} />],
          ['Held', <Amount key="held" money={held} />],
          ['Incoming', <Amount key="incoming" money={incoming} />],
          ['Lowest balance', minBalance === null ? 'no limit' : <Amount key="lowest" money={minBalance} />],
          ['Highest balance', maxBalance === null ? 'no limit' : <Amount key="highest" money={maxBalance} />],
          ['Total debits', <Amount key="debits" money={totalDebits} />],
          ['Total credits', <Amount key="credits" money={totalCredits} />],
        ]}
      />
    </>
  );
}

/** All that an account is besides its money. */
export function AccountAbout({ account }: { readonly account: Account }) {
  const { id, externalId, owner, currency, kind, createdAt, actor, version, metadata } = account;
  const pairs = Object.entries(metadata).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return (
    <div className="account-about">
      <Facts
        facts={[
          ['Id', <Id key="id" id={id} isWhole />],
          [
            'External id',
            externalId === null ? (
              'none'
            ) : (
              <span key="externalId" className="id">
                <code>{externalId}</code>
                <Copy text={externalId} what="the external id" />
              </span>
            ),
          ],
          ['Owner', owner],
          ['Currency', currency],
          ['Kind', wordOf(kind)],
          ['Normal side', sideOf(account)],
          ['Created', <Time key="created" at={createdAt} length="full" />],
          ['Made by', actor === null ? null : actorName(actor)],
          ['Entries', `${version}, which is its version`],
          [
            'Metadata',
            pairs.length === 0 ? (
              'none'
            ) : (
              <ul key="metadata">
                {pairs.map(([key, value]) => (
                  <li key={key}>
                    <code>{key}</code>: {value}
                  </li>
                ))}
              </ul>
            ),
          ],
        ]}
      />
    </div>
  );
}
