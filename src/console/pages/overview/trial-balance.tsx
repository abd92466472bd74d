import { useQuery } from '@tanstack/react-query';
import type { TrialBalanceLine } from '../../../client/index.ts';
import { accountsIn, differenceOf, trialBalanceQuery } from '../../data/overview.ts';
import { Badge } from '../../kit/badge.tsx';
import { QueryView } from '../../kit/lists/query-view.tsx';
import { type Column, Table } from '../../kit/lists/table.tsx';
import { Notice } from '../../kit/notice.tsx';
import { Section } from '../../kit/page.tsx';
import { Empty } from '../../kit/states.tsx';
import { Amount } from '../../kit/values/money.tsx';
import { useSession } from '../../session/session-context.ts';

const COLUMNS: readonly Column<TrialBalanceLine>[] = [
  { name: 'Currency', cell: ({ currency }) => <strong>{currency}</strong> },
  { name: 'Result', cell: (line) => <Balanced line={line} /> },
  { name: 'Debits', isNumber: true, cell: ({ debits }) => <Amount money={debits} withoutCurrency /> },
  { name: 'Credits', isNumber: true, cell: ({ credits }) => <Amount money={credits} withoutCurrency /> },
  { name: 'Held', isNumber: true, cell: ({ held }) => <Amount money={held} withoutCurrency /> },
  { name: 'Accounts', isNumber: true, isExtra: true, cell: (line) => accountsIn(line).toLocaleString() },
];

/** Whether debits equal credits, by currency. A difference is shown loudly: it is a fault of the ledger. */
export function TrialBalance() {
  const { client } = useSession();
  const query = useQuery(trialBalanceQuery(client));
  return (
    <Section title="Trial balance">
      <QueryView query={query} rows={3}>
        {(lines) =>
          lines.length === 0 ? (
            <Empty title="There are no accounts yet, so that there is nothing to sum." />
          ) : (
            <div className="stack">
              {lines.map((line) => (
                <Fault key={line.currency} line={line} />
              ))}
              <Table
                caption="Trial balance"
                columns={COLUMNS}
                rows={lines}
                keyOf={({ currency }) => currency}
              />
            </div>
          )
        }
      </QueryView>
    </Section>
  );
}

function Balanced({ line }: { readonly line: TrialBalanceLine }) {
  return differenceOf(line) === null ? (
    <Badge tone="good">In balance</Badge>
  ) : (
    <Badge tone="bad">Out of balance</Badge>
  );
}

function Fault({ line }: { readonly line: TrialBalanceLine }) {
  const difference = differenceOf(line);
  if (difference === null) return null;
  return (
    <Notice
      tone="bad"
      title={
        <>
          Out of balance by <Amount money={difference} />
        </>
      }
    >
      The debits and the credits in {line.currency} differ. This is a fault of the ledger: stop moving money,
      and compare the database with a backup.
    </Notice>
  );
}
