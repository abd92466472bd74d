import './holds.css';
import { useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'wouter';
import { pathTo } from '../../data/place.ts';
import { type Hold, holdsQuery } from '../../data/transactions.ts';
import { ButtonLink } from '../../kit/button.tsx';
import { Glyph } from '../../kit/glyph.tsx';
import { PagedTable } from '../../kit/lists/paged-table.tsx';
import type { Column } from '../../kit/lists/table.tsx';
import { usePlace } from '../../kit/lists/use-place.ts';
import { Page } from '../../kit/page.tsx';
import { Empty } from '../../kit/states.tsx';
import { Amount } from '../../kit/values/money.tsx';
import { nameOf } from '../../kit/values/names.ts';
import { Time } from '../../kit/values/time.tsx';
import { Expiry } from '../../parts/holds/expiry.tsx';
import { HoldLink } from '../../parts/holds/hold-link.tsx';
import { HoldStatus } from '../../parts/holds/hold-status.tsx';
import { OwnAccountsOnly } from '../../parts/transactions/own-accounts-only.tsx';
import { useSession } from '../../session/session-context.ts';
import { HoldFilterForm, readFilter } from './hold-filter.tsx';

const COLUMNS: readonly Column<Hold>[] = [
  {
    name: 'Hold',
    cell: (hold) => (
      <span className="holds-placed">
        <HoldLink hold={hold} />
        <span>
          <HoldStatus status={hold.status} />
        </span>
        <Time at={hold.createdAt} />
      </span>
    ),
  },
  {
    name: 'Parties',
    cell: ({ fromParty, toParty }) => (
      <span className="holds-parties" title={`${nameOf(fromParty)} → ${nameOf(toParty)}`}>
        <span>{fromParty.owner}</span> <Glyph name="arrow" />
        <span className="sr-only">to</span> <span>{toParty.owner}</span>
      </span>
    ),
  },
  { name: 'Reserved', isNumber: true, cell: ({ amount }) => <Amount money={amount} /> },
  { name: 'Captured', isNumber: true, isExtra: true, cell: ({ captured }) => <Amount money={captured} /> },
  { name: 'Remaining', isNumber: true, isExtra: true, cell: ({ remaining }) => <Amount money={remaining} /> },
  { name: 'Expires', isExtra: true, cell: (hold) => <Expiry hold={hold} /> },
];

/** Finds holds. Its address keeps the filter and the page of the list. */
export function HoldsPage() {
  const { isAllowed } = useSession();
  if (!isAllowed('holds')) {
    return (
      <Page title="Holds">
        <OwnAccountsOnly what="holds" />
      </Page>
    );
  }
  return (
    <Page
      title="Holds"
      actions={
        isAllowed('placeHold') ? (
          <ButtonLink to={pathTo.move('hold')} kind="primary">
            Place hold
          </ButtonLink>
        ) : undefined
      }
    >
      <HoldFilterForm />
      <section className="card" aria-label="Holds">
        <HoldTable />
      </section>
    </Page>
  );
}

function HoldTable() {
  const { client } = useSession();
  const [params] = useSearchParams();
  const place = usePlace();
  const filter = readFilter(params);
  const query = useQuery(holdsQuery(client, filter, place.place));
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <PagedTable
      caption="Holds"
      query={query}
      columns={COLUMNS}
      keyOf={({ id }) => id}
      place={place}
      empty={
        <Empty
          title={
            isFiltered
              ? 'No hold matches. To find one by its id or external id, use the field at the top.'
              : 'There are no holds yet. A hold reserves money until it is captured or voided.'
          }
        />
      }
    />
  );
}
