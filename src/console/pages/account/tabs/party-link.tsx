import { Link } from 'wouter';
import { pathTo } from '../../../data/place.ts';
import type { Party } from '../../../data/transactions.ts';
import { nameOf } from '../../../kit/values/names.ts';
import { useSession } from '../../../session/session-context.ts';

interface PartyLinkProps {
  readonly party: Party;
  /** The owner alone names the account. */
  readonly isShort?: boolean;
}

/** The name of an account, with a link to it where the viewer may read it. */
export function PartyLink({ party, isShort = false }: PartyLinkProps) {
  const { viewer } = useSession();
  const name = isShort && party.kind === 'STANDARD' ? party.owner : nameOf(party);
  const isReadable = viewer.owner === null || viewer.owner === party.owner;
  return isReadable ? (
    <Link href={pathTo.account(party.accountId)} title={nameOf(party)}>
      {name}
    </Link>
  ) : (
    <span>{name}</span>
  );
}
