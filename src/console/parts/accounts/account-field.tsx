import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { flushSync } from 'react-dom';
import { isZero } from '../../data/amounts.ts';
import { type AccountRow, accountNamed, findAccounts } from '../../data/find-accounts.ts';
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
const LOOK_UP_MS = 10_000;
const NONE: readonly AccountRow[] = [];

/**
 * Finds an account by its owner, the beginning of its externalId, or its id, as a person types. Its value is the id of the chosen
 * account. When the field is left, a text that names one account chooses it; another text stays as it is, and the field says so. Below
 * the field are the name and the balance of the account. A viewer without the right to read types an id.
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
  const { resolve, problem } = useNamed(id, currency, onChange);
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
      error={problem ?? error}
      onLeave={() => !isId && id !== '' && isAllowed('accounts') && resolve()}
      description={
        <span role="status">
          {!isId || account === undefined ? (
            isAllowed('accounts') ? (
              description
            ) : (
              'The account id, or ext: and the external id'
            )
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

/** Chooses the account that a text names, if there is one. `problem`: what is wrong with the text that was looked up. */
function useNamed(text: string, currency: string | undefined, onChange: (id: string) => void) {
  const { client } = useSession();
  const [last, setLast] = useState({ asked: '', problem: '' });
  const asked = `${currency ?? ''} ${text}`;
  // The answer is for this text alone, and other fields of the form may have changed since the request.
  const latest = useRef({ text, onChange });
  useEffect(() => {
    latest.current = { text, onChange };
    // A field that is gone takes no answer: its form has other values since.
    return () => {
      latest.current = { text: '', onChange };
    };
  });
  const lookUp = async () => {
    const rows = await findAccounts(client, text, currency, AbortSignal.timeout(LOOK_UP_MS));
    if (latest.current.text !== text) return;
    const named = accountNamed(rows, text);
    // At once: the next field may have its answer too, and needs the values with this one.
    if (named !== undefined) flushSync(() => latest.current.onChange(named.id));
    else setLast({ asked, problem: `No single account is called “${text}”. Choose one from the list.` });
  };
  const problem = last.asked === asked && text !== '' ? last.problem : undefined;
  return {
    /** Returns whether the text is being looked up. A text that was looked up in vain is not. */
    resolve: () => {
      if (problem !== undefined) return false;
      lookUp().catch(() =>
        setLast({
          asked,
          problem: `“${text}” cannot be looked up at the moment. Enter the id of the account.`,
        }),
      );
      return true;
    },
    problem,
  };
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
      {isZero(held.amount) ? null : (
        <>
          , of which <Amount money={held} /> is held
        </>
      )}
      {status === 'OPEN' ? null : (
        <>
          {' '}
          <AccountStatus status={status} />
        </>
      )}
    </>
  );
}
