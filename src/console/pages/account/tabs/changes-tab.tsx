import { useQuery } from '@tanstack/react-query';
import { type Account, changesQuery } from '../../../data/accounts.ts';
import { actorName } from '../../../data/actor-name.ts';
import type { AuditEvent } from '../../../data/admin.ts';
import { actionWord, versionAt } from '../../../data/change-words.ts';
import { PagedTable } from '../../../kit/lists/paged-table.tsx';
import type { Column } from '../../../kit/lists/table.tsx';
import { usePlace } from '../../../kit/lists/use-place.ts';
import { Empty } from '../../../kit/states.tsx';
import { Time } from '../../../kit/values/time.tsx';
import { Changes } from '../../../parts/changes.tsx';
import { useSession } from '../../../session/session-context.ts';

/** The changes of an account besides those of its money, with who made them. */
export function ChangesTab({ account }: { readonly account: Account }) {
  const { client } = useSession();
  const place = usePlace('changes');
  const query = useQuery(changesQuery(client, account.id, place.place));
  return (
    <PagedTable
      caption="Changes"
      query={query}
      columns={columnsOf(account.currency)}
      keyOf={({ id }) => id}
      place={place}
      empty={<Empty title="Status, limits, external id and metadata of the account were never changed." />}
    />
  );
}

function columnsOf(currency: string): readonly Column<AuditEvent>[] {
  return [
    {
      name: 'When',
      cell: ({ createdAt }) => (
        <span className="account-when">
          <Time at={createdAt} />
        </span>
      ),
    },
    {
      name: 'Change',
      cell: (event) => (
        <>
          {actionWord(event)}
          <Changes event={event} currency={currency} />
        </>
      ),
    },
    { name: 'Made by', cell: ({ actor }) => actorName(actor) },
    { name: 'After entry', isNumber: true, isExtra: true, cell: (event) => versionAt(event) ?? '' },
  ];
}
