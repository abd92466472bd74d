import type { Party, TransactionRow } from '../../data/transactions.ts';
import { whoPaid } from '../../data/who-paid.ts';
import { Glyph } from '../../kit/glyph.tsx';
import { nameOf } from '../../kit/values/names.ts';

interface WhoPaidProps {
  readonly transaction: Pick<TransactionRow, 'entries' | 'parties'>;
}

/** Who paid whom in one line, such as "Alice → Shop" or "Alice → Shop and 2 others". Its tooltip has the full names. */
export function WhoPaid({ transaction }: WhoPaidProps) {
  const { from, to } = whoPaid(transaction);
  // An owner who pays between own accounts is no answer: their names tell them apart.
  const [payer, receiver] = [from[0], to[0]];
  const isWithin = payer !== undefined && payer.owner === receiver?.owner;
  return (
    <span title={`${fullNames(from)} → ${fullNames(to)}`}>
      {/* A name with characters of another direction must not turn the line around. */}
      <bdi>{inShort(from, isWithin)}</bdi>
      {/* The underline of a link ends at the arrow. */}
      <span className="who-arrow">
        <Glyph name="arrow" />
        <span className="sr-only"> to </span>
      </span>
      <bdi>{inShort(to, isWithin)}</bdi>
    </span>
  );
}

function inShort([first, ...others]: readonly Party[], isWithin: boolean): string {
  if (first === undefined) return 'other accounts';
  const name = first.kind === 'EXTERNAL' ? 'Outside' : isWithin ? nameOf(first) : first.owner;
  if (others.length === 0) return name;
  return `${name} and ${others.length} ${others.length === 1 ? 'other' : 'others'}`;
}

function fullNames(parties: readonly Party[]): string {
  return parties.length === 0 ? 'other accounts' : parties.map(nameOf).join('; ');
}
