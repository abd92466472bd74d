import { useQuery } from '@tanstack/react-query';
import { Link, useSearchParams } from 'wouter';
import { actorName } from '../../data/actor-name.ts';
import { type AuditEvent, auditQuery } from '../../data/admin.ts';
import { actionWord } from '../../data/change-words.ts';
import { pathTo } from '../../data/place.ts';
import { PagedTable } from '../../kit/lists/paged-table.tsx';
import type { Column } from '../../kit/lists/table.tsx';
import { usePlace } from '../../kit/lists/use-place.ts';
import { Section } from '../../kit/page.tsx';
import { Empty } from '../../kit/states.tsx';
import { Code, shortId } from '../../kit/values/copy.tsx';
import { Time } from '../../kit/values/time.tsx';
import { Changes } from '../../parts/changes.tsx';
import { useSession } from '../../session/session-context.ts';
import { AuditFilterForm, auditPathOf, readAuditFilter } from './audit-filter.tsx';

const COLUMNS: readonly Column<AuditEvent>[] = [
  { name: 'When', cell: ({ createdAt }) => <Time at={createdAt} length="full" /> },
  {
    name: 'Made by',
    cell: ({ actor }) =>
      actor == null ? (
        <span className="quiet">{actorName(null)}</span>
      ) : (
        <Link href={auditPathOf('actor', actor.id)}>{actorName(actor)}</Link>
      ),
  },
  { name: 'Action', cell: (event) => <span title={event.action}>{actionWord(event)}</span> },
  { name: 'Subject', cell: ({ subjectId }) => <Subject id={subjectId} /> },
  { name: 'Changes', cell: (event) => <Changes event={event} /> },
  { name: 'Request', isExtra: true, cell: ({ requestId }) => <RequestId id={requestId} /> },
];

/** Who changed what outside of the journal, newest first. */
export function AuditSection() {
  const { client } = useSession();
  const [params] = useSearchParams();
  const place = usePlace();
  const filter = readAuditFilter(params);
  const query = useQuery(auditQuery(client, filter, place.place));
  const isFiltered = Object.keys(filter).length > 0;
  return (
    <Section title="Audit log">
      <AuditFilterForm />
      <PagedTable
        caption="Audit log"
        query={query}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        place={place}
        empty={
          <Empty
            title={
              isFiltered
                ? 'No event matches.'
                : 'There are no events yet. Changes of accounts, currencies, periods, ledgers and keys are recorded here.'
            }
          />
        }
      />
    </Section>
  );
}

/** The id that the log of the service has, too. Its beginning tells requests apart. */
function RequestId({ id }: { readonly id: string }) {
  const shown = id.length > 8 ? `${id.slice(0, 8)}…` : id;
  return (
    <span className="admin-request">
      <Code text={id} what="the id of the request" shown={shown} />
    </span>
  );
}

function Subject({ id }: { readonly id: string }) {
  if (id.startsWith('acct_'))
    return (
      <Link className="admin-subject" href={pathTo.account(id)}>
        {shortId(id)}
      </Link>
    );
  if (id.startsWith('key_') || id.startsWith('ldg_')) {
    return (
      <Link className="admin-subject" href={auditPathOf('subject', id)}>
        {shortId(id)}
      </Link>
    );
  }
  return <>{id}</>;
}
