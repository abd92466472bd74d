import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { type ApiKey, keysQuery } from '../../data/admin.ts';
import { Badge } from '../../kit/badge.tsx';
import { Button } from '../../kit/button.tsx';
import { PagedTable } from '../../kit/lists/paged-table.tsx';
import type { Column } from '../../kit/lists/table.tsx';
import { usePlace } from '../../kit/lists/use-place.ts';
import { Section } from '../../kit/page.tsx';
import { Empty } from '../../kit/states.tsx';
import { Time } from '../../kit/values/time.tsx';
import { useSession } from '../../session/session-context.ts';
import { auditPathOf } from './audit-filter.tsx';
import { CreateKeyDialog } from './create-key-dialog.tsx';
import { RevokeKeyDialog } from './revoke-key-dialog.tsx';

/** The API keys that the viewer may see, with a form for another one. */
export function KeysSection() {
  const { client, viewer } = useSession();
  const place = usePlace();
  const query = useQuery(keysQuery(client, place.place));
  const [isCreating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<ApiKey>();
  const isOwn = ({ actor }: ApiKey) => actor.id === viewer.actor?.id;
  return (
    <Section
      title="API keys"
      actions={
        <Button kind="primary" onPress={() => setCreating(true)}>
          Create API key
        </Button>
      }
    >
      <PagedTable
        caption="API keys"
        query={query}
        columns={columnsOf(isOwn, setRevoking)}
        keyOf={({ id }) => id}
        place={place}
        empty={
          <Empty title="There are no API keys. Without one, everyone who can reach the service may do everything." />
        }
      />
      {isCreating ? <CreateKeyDialog onClose={() => setCreating(false)} /> : null}
      {revoking === undefined ? null : (
        <RevokeKeyDialog apiKey={revoking} isOwn={isOwn(revoking)} onClose={() => setRevoking(undefined)} />
      )}
    </Section>
  );
}

function columnsOf(
  isOwn: (key: ApiKey) => boolean,
  revoke: (key: ApiKey) => void,
): readonly Column<ApiKey>[] {
  return [
    {
      name: 'Name',
      cell: (key) => (
        <span className="admin-name">
          <strong>
            {key.name}
            {isOwn(key) ? ' (yours)' : ''}
          </strong>
          <code>{key.prefix}…</code>
        </span>
      ),
    },
    { name: 'State', cell: (key) => <KeyState apiKey={key} /> },
    { name: 'Scopes', cell: ({ scopes }) => scopes.join(', ') },
    {
      name: 'For',
      cell: ({ ledger, owner }) => (
        <>
          {ledger == null ? 'All ledgers' : ledger.name}
          {owner == null ? null : <span className="quiet">, owner {owner}</span>}
        </>
      ),
    },
    {
      name: 'Per second',
      isNumber: true,
      isExtra: true,
      cell: ({ requestsPerSecond }) => requestsPerSecond ?? <span className="quiet">Default</span>,
    },
    {
      name: 'Created, last used',
      isExtra: true,
      cell: ({ createdAt, lastUsedAt }) => (
        <span className="admin-times">
          <Time at={createdAt} />
          {lastUsedAt == null ? <span className="quiet">Never used</span> : <Time at={lastUsedAt} />}
        </span>
      ),
    },
    {
      name: 'Actions',
      isUnnamed: true,
      cell: (key) => (
        <span className="admin-actions">
          <Link
            className="button quiet small"
            href={auditPathOf('subject', key.id)}
            aria-label={`Log of ${key.name}`}
          >
            Log
          </Link>
          {key.revokedAt == null ? (
            <Button size="small" kind="danger" label={`Revoke ${key.name}`} onPress={() => revoke(key)}>
              Revoke
            </Button>
          ) : null}
        </span>
      ),
    },
  ];
}

function KeyState({ apiKey }: { readonly apiKey: ApiKey }) {
  const { revokedAt, expiresAt } = apiKey;
  if (revokedAt != null) {
    return (
      <>
        <Badge tone="bad">Revoked</Badge> <Time at={revokedAt} />
      </>
    );
  }
  if (expiresAt == null) return <Badge tone="good">Valid</Badge>;
  const isExpired = new Date(expiresAt).getTime() <= Date.now();
  return (
    <>
      <Badge tone={isExpired ? 'neutral' : 'good'}>{isExpired ? 'Expired' : 'Valid until'}</Badge>{' '}
      <Time at={expiresAt} />
    </>
  );
}
