import { Link } from 'wouter';
import { actorName } from '../../data/actor-name.ts';
import { pathTo } from '../../data/place.ts';
import type { TransactionDetails } from '../../data/transactions.ts';
import { wordOf } from '../../kit/badge.tsx';
import { Section } from '../../kit/page.tsx';
import { Code, Id, shortId } from '../../kit/values/copy.tsx';
import { Facts } from '../../kit/values/facts.tsx';
import { nameOf } from '../../kit/values/names.ts';
import { Time } from '../../kit/values/time.tsx';
import { AmountOf } from '../../parts/transactions/amount-of.tsx';
import { WhoPaid } from '../../parts/transactions/who-paid.tsx';
import { useSession } from '../../session/session-context.ts';

/** The facts about a transaction. */
export function About({ transaction }: { readonly transaction: TransactionDetails }) {
  const { viewer } = useSession();
  const { id, type, description, externalId, idempotencyKey, keyAccount, actor, metadata } = transaction;
  const metadataRows = Object.entries(metadata);
  // For a viewer restricted to an owner, null also means that the key belongs to another owner.
  const isOwn = idempotencyKey === null && viewer.owner === null;
  return (
    <Section title="Facts">
      <Facts
        facts={[
          ['Amount', <AmountOf key="amount" transaction={transaction} />],
          ['Who paid whom', <WhoPaid key="who" transaction={transaction} />],
          ['Type', wordOf(type)],
          ['Description', description],
          [
            'External id',
            externalId === null ? null : <Code key="code" text={externalId} what="the external id" />,
          ],
          ['Effective', <Time key="effective" at={transaction.effectiveAt} length="full" />],
          ['Recorded', <Time key="recorded" at={transaction.createdAt} length="full" />],
          ['Made by', actor !== null ? actorName(actor) : isOwn ? 'The ledger itself' : null],
          [
            'Idempotency key',
            idempotencyKey === null ? null : (
              <Code key="code" text={idempotencyKey} what="the idempotency key" />
            ),
          ],
          [
            'Key account',
            keyAccount === null ? null : (
              <Link key="account" href={pathTo.account(keyAccount.id)}>
                {keyAccountName(transaction, keyAccount.id)}
              </Link>
            ),
          ],
          ['Id', <Id key="id" id={id} isWhole />],
          [
            'Metadata',
            metadataRows.length === 0 ? null : (
              <ul key="metadata">
                {metadataRows.map(([key, value]) => (
                  <li key={key}>
                    <span className="quiet">{key}:</span> {value}
                  </li>
                ))}
              </ul>
            ),
          ],
        ]}
      />
    </Section>
  );
}

function keyAccountName({ parties }: TransactionDetails, id: string): string {
  const party = parties.find(({ accountId }) => accountId === id);
  return party === undefined ? shortId(id) : nameOf(party);
}
