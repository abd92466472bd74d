import { useState } from 'react';
import { isRefusal, type Operation, type PreviewResult } from '../../../client/index.ts';
import { Table } from '../../kit/lists/table.tsx';
import { Section } from '../../kit/page.tsx';
import { Failed } from '../../kit/states.tsx';
import { shortId } from '../../kit/values/copy.tsx';
import { Amount } from '../../kit/values/money.tsx';
import { nameOf } from '../../kit/values/names.ts';
import { RefusalView } from '../../kit/values/refusal.tsx';
import { useAccounts } from '../../parts/accounts/use-accounts.ts';
import { usePreview } from '../../parts/payments/use-preview.ts';
import { type BalanceChange, changesOf } from './balance-changes.ts';

interface PreviewProps {
  /** Undefined while the form is incomplete. */
  readonly operation: Operation | undefined;
}

/** The balances that an operation would leave. It is refreshed as the balances change. */
export function Preview({ operation }: PreviewProps) {
  const { data, error, refetch } = usePreview(operation);
  const [last, setLast] = useState<PreviewResult>();
  if (data !== undefined && data !== last) setLast(data);
  // The last preview stays while a person types, so that the page does not jump.
  const shown = operation === undefined ? undefined : (data ?? last);
  return (
    <Section title="Preview">
      {operation === undefined ? (
        <p className="quiet">Complete the form to see the balances that it leaves.</p>
      ) : error !== null && data === undefined ? (
        <Failed error={error} onRetry={() => void refetch()} />
      ) : shown === undefined ? (
        <p className="quiet" role="status">
          Computing the balances …
        </p>
      ) : (
        <div className={data === undefined ? 'stale' : undefined} aria-busy={data === undefined || undefined}>
          {isRefusal(shown) ? (
            <div className="stack">
              <p>At this moment the ledger would refuse this:</p>
              <RefusalView refusal={shown} tone="warning" />
            </div>
          ) : (
            <Balances entries={shown.entries} />
          )}
        </div>
      )}
    </Section>
  );
}

type Entries = Extract<PreviewResult, { readonly __typename: 'Preview' }>['entries'];

function Balances({ entries }: { readonly entries: Entries }) {
  const accounts = useAccounts(entries.map(({ account }) => account.id));
  const changes = changesOf(entries, accounts);
  const hasHeld = changes.some(({ heldBefore, heldAfter }) => heldBefore?.amount !== heldAfter.amount);
  return (
    <Table
      caption="Balances before and after"
      rows={changes}
      keyOf={({ id }) => id}
      columns={[
        {
          name: 'Account',
          cell: ({ id }) => {
            const account = accounts.get(id);
            return account === undefined ? shortId(id) : nameOf(account);
          },
        },
        {
          name: 'Before',
          isNumber: true,
          cell: ({ before, heldBefore }) => (
            <State balance={before} held={hasHeld ? heldBefore : undefined} withoutCurrency />
          ),
        },
        {
          name: 'After',
          isNumber: true,
          cell: ({ after, heldAfter }) => (
            <strong>
              <State balance={after} held={hasHeld ? heldAfter : undefined} />
            </strong>
          ),
        },
      ]}
    />
  );
}

type Money = BalanceChange['after'];

interface StateProps {
  readonly balance: Money | undefined;
  /** Undefined: the operation does not change what is held. */
  readonly held: Money | undefined;
  readonly withoutCurrency?: boolean;
}

function State({ balance, held, withoutCurrency = false }: StateProps) {
  return (
    <>
      {balance === undefined ? '…' : <Amount money={balance} withoutCurrency={withoutCurrency} />}
      {held === undefined ? null : (
        <span className="move-held">
          held <Amount money={held} withoutCurrency={withoutCurrency} />
        </span>
      )}
    </>
  );
}
