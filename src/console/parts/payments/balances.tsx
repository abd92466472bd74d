import { formatMoney, isZero } from '../../data/amounts.ts';
import {
  availableOf,
  type BalanceChange,
  changesOf,
  type PreviewedEntry,
} from '../../data/payments/balance-changes.ts';
import { Table } from '../../kit/lists/table.tsx';
import { Amount } from '../../kit/values/money.tsx';
import { AccountName } from '../accounts/account-name.tsx';
import { useAccounts } from '../accounts/use-accounts.ts';

interface BalancesProps {
  readonly caption: string;
  readonly entries: readonly PreviewedEntry[];
  /** The entries are posted: the accounts that are read have what they had after them, or later. */
  readonly isPosted?: boolean;
}

type Accounts = ReturnType<typeof useAccounts>;
type Money = BalanceChange['after'];

/** The balances of accounts before and after the entries of one operation, with what is held and what stays available. */
export function Balances({ caption, entries, isPosted = false }: BalancesProps) {
  const accounts = useAccounts(entries.map(({ account }) => account.id));
  const changes = changesOf(entries, accounts);
  const hasHeld = isPosted
    ? changes.some(({ heldAfter }) => !isZero(heldAfter.amount))
    : changes.some(({ heldBefore, heldAfter }) => heldBefore?.amount !== heldAfter.amount);
  return (
    <Table
      caption={caption}
      rows={changes}
      keyOf={({ id }) => id}
      columns={[
        {
          name: 'Account',
          cell: ({ id }) => (
            <>
              <AccountName id={id} isLink={isPosted} />
              <Limits account={accounts.get(id)} />
            </>
          ),
        },
        {
          name: 'Before',
          isNumber: true,
          cell: ({ id, before, heldBefore }) => (
            <State
              balance={before}
              held={isPosted ? undefined : heldBefore}
              showsHeld={hasHeld}
              account={accounts.get(id)}
            />
          ),
        },
        {
          name: 'After',
          isNumber: true,
          cell: ({ id, after, heldAfter }) => (
            <strong>
              <State
                balance={after}
                held={heldAfter}
                showsHeld={hasHeld}
                account={accounts.get(id)}
                hasCurrency
              />
            </strong>
          ),
        },
      ]}
    />
  );
}

/** The limits that an operation may come near to. Most accounts have a lowest balance of zero, which goes without saying. */
function Limits({ account }: { readonly account: ReturnType<Accounts['get']> }) {
  const { minBalance = null, maxBalance = null } = account ?? {};
  return (
    <>
      {minBalance === null || isZero(minBalance.amount) ? null : (
        <span className="balances-more">lowest balance {formatMoney(minBalance)}</span>
      )}
      {maxBalance === null ? null : (
        <span className="balances-more">highest balance {formatMoney(maxBalance)}</span>
      )}
    </>
  );
}

interface StateProps {
  /** Undefined: it is not read yet. */
  readonly balance: Money | undefined;
  /** Undefined: it is not known. */
  readonly held: Money | undefined;
  readonly showsHeld: boolean;
  readonly account: ReturnType<Accounts['get']>;
  readonly hasCurrency?: boolean;
}

function State({ balance, held, showsHeld, account, hasCurrency = false }: StateProps) {
  const available =
    balance === undefined || held === undefined || account === undefined
      ? undefined
      : availableOf(balance, held, account.minBalance);
  return (
    <>
      {balance === undefined ? '…' : <Amount money={balance} withoutCurrency={!hasCurrency} />}
      {held === undefined || !showsHeld ? null : (
        <span className="balances-more">
          held <Amount money={held} withoutCurrency />
        </span>
      )}
      {available === undefined ? null : (
        <span className="balances-more">
          available <Amount money={available} withoutCurrency />
        </span>
      )}
    </>
  );
}
