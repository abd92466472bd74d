import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'wouter';
import { type Account, accountHoldsQuery } from '../../../data/accounts.ts';
import { pathTo } from '../../../data/place.ts';
import type { Hold } from '../../../data/transactions.ts';
import { ButtonLink } from '../../../kit/button.tsx';
import { Checkbox } from '../../../kit/fields/fields.tsx';
import { PagedTable } from '../../../kit/lists/paged-table.tsx';
import type { Column } from '../../../kit/lists/table.tsx';
import { usePlace } from '../../../kit/lists/use-place.ts';
import { Empty } from '../../../kit/states.tsx';
import { Amount } from '../../../kit/values/money.tsx';
import { Time } from '../../../kit/values/time.tsx';
import { Expiry } from '../../../parts/holds/expiry.tsx';
import { HoldLink } from '../../../parts/holds/hold-link.tsx';
import { HoldStatus } from '../../../parts/holds/hold-status.tsx';
import { type SessionControl, useSession } from '../../../session/session-context.ts';
import { PartyLink } from './party-link.tsx';

/** The holds from and to an account: those that are open, or all. */
export function HoldsTab({ account }: { readonly account: Account }) {
  const { client, isAllowed } = useSession();
  const [params, setParams] = useSearchParams();
  const place = usePlace('holds');
  const isAll = params.get('holds') === 'all';
  const query = useQuery(accountHoldsQuery(client, account.id, isAll ? null : 'OPEN', place.place));
  const showAll = (all: boolean) =>
    setParams((old) => {
      const next = new URLSearchParams(old);
      for (const name of ['holds', 'holds-after', 'holds-before']) next.delete(name);
      if (all) next.set('holds', 'all');
      return next;
    });
  return (
    <div className="stack">
      <Checkbox label="Show holds that have ended too" isSelected={isAll} onChange={showAll} />
      <PagedTable
        caption={isAll ? 'Holds' : 'Open holds'}
        query={query}
        columns={columnsOf(account, isAllowed)}
        keyOf={({ id }) => id}
        place={place}
        empty={
          <Empty
            title={
              isAll
                ? 'No hold was ever placed from or to this account.'
                : 'The account has no open holds. A hold reserves money until it is captured, voided or expired.'
            }
          />
        }
      />
    </div>
  );
}

function columnsOf({ id }: Account, isAllowed: SessionControl['isAllowed']): readonly Column<Hold>[] {
  const columns: Column<Hold>[] = [
    {
      name: 'Hold',
      cell: (hold) => (
        <span className="account-when">
          <HoldLink hold={hold} />
          <Time at={hold.createdAt} />
        </span>
      ),
    },
    {
      name: 'With',
      cell: ({ fromParty, toParty }) => {
        const isPayer = fromParty.accountId === id;
        return (
          <div className="account-with">
            {isPayer ? 'to ' : 'from '}
            <PartyLink party={isPayer ? toParty : fromParty} isShort={fromParty.owner !== toParty.owner} />
          </div>
        );
      },
    },
    {
      name: 'Status',
      cell: ({ status }) => <HoldStatus status={status} />,
    },
    { name: 'Amount', isNumber: true, cell: ({ amount }) => <Amount money={amount} /> },
    { name: 'Captured', isNumber: true, isExtra: true, cell: ({ captured }) => <Amount money={captured} /> },
    { name: 'Remaining', isNumber: true, cell: ({ remaining }) => <Amount money={remaining} /> },
    {
      name: 'Expires',
      cell: (hold) => <Expiry hold={hold} />,
    },
  ];
  if (!isAllowed('captureHold') && !isAllowed('voidHold')) return columns;
  return [
    ...columns,
    {
      name: 'Actions',
      isUnnamed: true,
      cell: (hold) => (hold.status === 'OPEN' ? <HoldActions hold={hold.id} isAllowed={isAllowed} /> : null),
    },
  ];
}

interface HoldActionsProps {
  readonly hold: string;
  readonly isAllowed: SessionControl['isAllowed'];
}

function HoldActions({ hold, isAllowed }: HoldActionsProps) {
  return (
    <div className="account-hold-actions">
      {isAllowed('captureHold') ? (
        <ButtonLink to={pathTo.move('capture', { hold })} size="small">
          Capture
        </ButtonLink>
      ) : null}
      {isAllowed('voidHold') ? (
        <ButtonLink to={pathTo.move('void', { hold })} size="small">
          Void
        </ButtonLink>
      ) : null}
    </div>
  );
}
