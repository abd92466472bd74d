import { useQuery } from '@tanstack/react-query';
import { useLocation } from 'wouter';
import { ledgersQuery } from '../data/admin.ts';
import { pathTo } from '../data/place.ts';
import { useSession } from '../session/session-context.ts';

const MOST = 100;

/** The name of the ledger, and a choice for those who may enter several. */
export function LedgerSwitch() {
  const { client, ledger, enterLedger, isAllowed } = useSession();
  const [, go] = useLocation();
  const { data } = useQuery({
    ...ledgersQuery(client, {}, MOST),
    enabled: isAllowed('ledgers'),
    refetchInterval: 60_000,
  });
  const names = new Set([ledger.name, ...(data?.nodes ?? []).map(({ name }) => name)]);
  if (names.size === 1) {
    return (
      <span className="ledger-name">
        <span className="sr-only">Ledger: </span>
        {ledger.name}
      </span>
    );
  }
  return (
    <select
      className="input ledger-name"
      aria-label="Ledger"
      value={ledger.name}
      onChange={(event) => {
        // The ids of the page belong to the ledger that is left.
        go(pathTo.overview);
        enterLedger(event.target.value);
      }}
    >
      {[...names].toSorted().map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}
