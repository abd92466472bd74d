import { Link } from 'wouter';
import { pathTo } from '../../data/place.ts';
import type { Hold } from '../../data/transactions.ts';
import { shortId } from '../../kit/values/copy.tsx';

/** Returns what people call a hold: the externalId of its placement, such as an order, or its description, or the hold's id. */
export function holdName({ id, transactions }: Pick<Hold, 'id' | 'transactions'>): string {
  const [placement] = transactions.nodes;
  return placement?.externalId ?? placement?.description ?? shortId(id);
}

/** A link to a hold, by its name. */
export function HoldLink({ hold }: { readonly hold: Pick<Hold, 'id' | 'transactions'> }) {
  return <Link href={pathTo.hold(hold.id)}>{holdName(hold)}</Link>;
}
