import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type AccountRow, findAccounts } from '../../data/find-accounts.ts';
import { READ } from '../../data/pages.ts';
import { useSettled } from '../../data/use-settled.ts';
import { Combobox } from '../../kit/fields/combobox.tsx';
import { AccountStatus } from '../../kit/values/account-status.tsx';
import { Amount } from '../../kit/values/money.tsx';
import { nameOf } from '../../kit/values/names.ts';
import { useSession } from '../../session/session-context.ts';

interface AccountFieldProps {
  readonly label: string;
  /** An id, or `ext:` and an externalId. */
  readonly value: string;
  readonly onChange: (id: string) => void;
  readonly description?: string;
  readonly error?: string | undefined;
  /** Only accounts of this currency are offered. */
  readonly currency?: string | undefined;
}

const PAUSE_MS = 200;
const NONE: readonly AccountRow[] = [];

/**
 * Finds an account by its owner, the beginning of its externalId, or its id, as a person types. Its value is the id of the chosen
 * account; a text that was not chosen is passed on as it is, so that an id or `ext:` and a name can be typed. Below the field are the
 * name and the balance of the account. A viewer without the right to read types an id.
 */
export function AccountField({
  label,
  value,
  onChange,
  description = 'Owner, external id or account id',
  error,
  currency,
}: AccountFieldProps) {
  const { client, isAllowed } = useSession();
  const [isUsed, setUsed] = useState(false);
  const id = value.trim();
  const isId = /^(acct_|ext:)./.test(id);
  const wanted = useSettled(id, PAUSE_MS);
  const search = useQuery({
    queryKey: ['find accounts', wanted, currency],
    queryFn: ({ signal }) => findAccounts(client, wanted, currency, signal),
    enabled: isUsed && isAllowed('accounts'),
    refetchInterval: false,
    placeholderData: (last) => last,
  });
  const found = search.data ?? NONE;
  // The rows of an earlier text are not offered for this one: a fast Enter would choose a wrong account.
  const isFresh = wanted === id && !search.isPlaceholderData && !search.isLoading;
  const { data: account } = useQuery({
    queryKey: ['client account', id],
    queryFn: () => client.account(id, READ),
    enabled: isId && isAllowed('account'),
  });
  return (
    <Combobox
      label={label}
      value={value}
      onChange={onChange}
      rows={isFresh ? found : found.filter((row) => isMeant(row, id))}
      valueOfRow={(row) => row.id}
      row={(row) => <Option account={row} />}
      rowsName="accounts"
      isSearching={!isFresh}
      onFocus={() => setUsed(true)}
      placeholder="Find an account"
      error={error}
      description={
        <span role="status">
          {!isId || account === undefined ? (
            description
          ) : account === null ? (
            'No account that you can read has this id.'
          ) : (
            <ChosenAccount account={account} />
          )}
        </span>
      }
    />
  );
}

/** Returns whether a text means an account, by the rules of `findAccounts`. */
function isMeant({ id, externalId, owner }: AccountRow, text: string): boolean {
  const name = text.replace(/^ext:/, '');
  return id === text || owner === name || externalId?.startsWith(name) === true;
}

function Option({ account }: { readonly account: AccountRow }) {
  return (
    <>
      <span className="option-name">
        {nameOf(account)} {account.status === 'OPEN' ? null : <AccountStatus status={account.status} />}
      </span>
      <span className="quiet">
        <Amount money={account.balance} />
      </span>
    </>
  );
}

type Chosen = Pick<AccountRow, 'owner' | 'externalId' | 'kind' | 'currency' | 'status' | 'balance' | 'held'>;

function ChosenAccount({ account }: { readonly account: Chosen }) {
  const { status, balance, held } = account;
  return (
    <>
      <strong>{nameOf(account)}</strong> has <Amount money={balance} />
      {/[1-9]/.test(held.amount) ? (
        <>
          , of which <Amount money={held} /> is held
        </>
      ) : null}
      {status === 'OPEN' ? null : (
        <>
          {' '}
          <AccountStatus status={status} />
        </>
      )}
    </>
  );
}
