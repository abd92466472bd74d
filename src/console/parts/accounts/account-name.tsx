import { Link } from 'wouter';
import { pathTo } from '../../data/place.ts';
import { shortId } from '../../kit/values/copy.tsx';
import { nameOf } from '../../kit/values/names.ts';
import { useAccounts } from './use-accounts.ts';

interface AccountNameProps {
  readonly id: string;
  readonly isLink?: boolean;
}

/** The name of the account of an id; the id itself where the viewer may not read the account. */
export function AccountName({ id, isLink = false }: AccountNameProps) {
  const account = useAccounts([id]).get(id);
  const name = account === undefined ? shortId(id) : nameOf(account);
  return isLink ? <Link href={pathTo.account(id)}>{name}</Link> : <span>{name}</span>;
}
