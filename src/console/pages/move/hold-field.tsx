import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type Hold, holdQuery, holdsQuery } from '../../data/transactions.ts';
import { Badge, wordOf } from '../../kit/badge.tsx';
import { Combobox } from '../../kit/fields/combobox.tsx';
import { Amount } from '../../kit/values/money.tsx';
import { nameOf } from '../../kit/values/names.ts';
import { holdName } from '../../parts/holds/hold-link.tsx';
import { useSession } from '../../session/session-context.ts';

interface HoldFieldProps {
  readonly value: string;
  readonly onChange: (id: string) => void;
  readonly error: string | undefined;
}

const MOST = 50;
const OFFERED = 8;

/** Chooses one of the newest open holds, by the names of its accounts, or takes an id. */
export function HoldField({ value, onChange, error }: HoldFieldProps) {
  const { client, isAllowed } = useSession();
  const [isUsed, setUsed] = useState(false);
  const open = useQuery({
    ...holdsQuery(client, { status: 'OPEN' }, {}, MOST),
    enabled: isUsed && isAllowed('holds'),
    refetchInterval: false,
  });
  const hold = useChosenHold(value);
  const wanted = value.trim().toLowerCase();
  const rows = (open.data?.nodes ?? [])
    .filter((row) =>
      `${row.id} ${partiesOf(row)} ${holdName(row)} ${row.remaining.amount}`.toLowerCase().includes(wanted),
    )
    .slice(0, OFFERED);
  return (
    <Combobox
      label="Hold"
      value={value}
      onChange={onChange}
      rows={rows}
      valueOfRow={(row) => row.id}
      row={(row) => (
        <>
          <span className="option-name">
            {partiesOf(row)} <span className="quiet">{holdName(row)}</span>
          </span>
          <span className="quiet">
            <Amount money={row.remaining} />
          </span>
        </>
      )}
      rowsName="open holds"
      isSearching={open.isFetching}
      onFocus={() => setUsed(true)}
      placeholder="Find an open hold"
      error={error}
      description={
        <span role="status">
          {hold === undefined ? (
            'Owner, external id, description, amount or hold id'
          ) : hold === null ? (
            'No hold that you can read has this id.'
          ) : (
            <>
              <strong>{partiesOf(hold)}</strong>: <Amount money={hold.remaining} /> of{' '}
              <Amount money={hold.amount} /> remains{' '}
              <Badge tone={hold.status === 'OPEN' ? 'info' : 'warning'}>{wordOf(hold.status)}</Badge>
            </>
          )}
        </span>
      }
    />
  );
}

/** Returns the hold of an id; null if there is none; undefined if the text is no id, or the hold is not read yet. */
export function useChosenHold(value: string): Hold | null | undefined {
  const { client, isAllowed } = useSession();
  const id = value.trim();
  const { data } = useQuery({
    ...holdQuery(client, id),
    enabled: /^(hold_|ext:)./.test(id) && isAllowed('hold'),
  });
  return data;
}

function partiesOf({ fromParty, toParty }: Hold): string {
  return `${nameOf(fromParty)} to ${nameOf(toParty)}`;
}
