import type { Party, TransactionRow } from '../../data/transactions.ts';
import { type WhoPaid as Sides, whoPaid } from '../../data/who-paid.ts';
import { Glyph } from '../../kit/glyph.tsx';
import { nameOf } from '../../kit/values/names.ts';

interface WhoPaidProps {
  readonly transaction: Pick<TransactionRow, 'type' | 'entries' | 'parties'>;
}

const EFFECTS: Readonly<Record<Sides['effect'], string>> = {
  PAID: '',
  RESERVED: 'Reserved: ',
  RELEASED: 'Released: ',
};

/** Who paid whom in one line, such as "Alice → Shop" or "Reserved: Alice → Shop and 2 others". Its tooltip has the full names. */
export function WhoPaid({ transaction }: WhoPaidProps) {
  const { effect, from, to } = whoPaid(transaction);
  // An owner who pays between own accounts is no answer: their names tell them apart.
  const [payer, receiver] = [from[0], to[0]];
  const isWithin = payer !== undefined && payer.owner === receiver?.owner;
  return (
    <span title={`${EFFECTS[effect]}${fullNames(from)} → ${fullNames(to)}`}>
      {effect === 'PAID' ? null : <span className="quiet">{EFFECTS[effect]}</span>}
      <Side parties={from} isWithin={isWithin} />
      {/* The underline of a link ends at the arrow. */}
      <span className="who-arrow">
        <Glyph name="arrow" />
        <span className="sr-only"> to </span>
      </span>
      <Side parties={to} isWithin={isWithin} />
    </span>
  );
}

interface SideProps {
  readonly parties: readonly Party[];
  readonly isWithin: boolean;
}

function Side({ parties: [first, ...others], isWithin }: SideProps) {
  if (first === undefined) return <span>other accounts</span>;
  const isExternal = first.kind === 'EXTERNAL';
  const name = isExternal ? 'External' : isWithin ? nameOf(first) : first.owner;
  const more = others.length === 0 ? '' : ` and ${others.length} ${others.length === 1 ? 'other' : 'others'}`;
  return (
    // An owner can have any name. Only the external account is in italics.
    <span>
      {isExternal ? <em>{name}</em> : name}
      {more}
    </span>
  );
}

function fullNames(parties: readonly Party[]): string {
  return parties.length === 0 ? 'other accounts' : parties.map(nameOf).join('; ');
}
