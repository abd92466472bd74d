import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { explainFailure } from '../data/failures.ts';
import { pathTo } from '../data/place.ts';
import { find } from '../data/transactions.ts';
import { wordOf } from '../kit/badge.tsx';
import { Button } from '../kit/button.tsx';
import { nameOf } from '../kit/values/names.ts';
import { useSession } from '../session/session-context.ts';
import { Icon } from './icons.tsx';

/** Something that was found or may be searched, and the page that shows it. */
interface Match {
  readonly kind: string;
  readonly name: string;
  readonly to: string;
}

interface Answer {
  readonly title: string;
  readonly matches?: readonly Match[];
  /** What to do about a failed search, which can be repeated. */
  readonly advice?: string;
}

/**
 * Finds an account, a transaction or a hold by its id or its externalId, and opens it. Where several have it, it offers a choice; where
 * nothing has it, the lists that may have it.
 */
export function FindField() {
  const { client, isAllowed, viewer } = useSession();
  const [text, setText] = useState('');
  const [answer, setAnswer] = useState<Answer>();
  const search = useRef<AbortController>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const [, go] = useLocation();
  useEffect(() => () => search.current?.abort(), []);
  if (!isAllowed('account')) return <div className="find" />;

  const clear = () => {
    search.current?.abort();
    setAnswer(undefined);
  };
  const submit = async (event?: FormEvent) => {
    event?.preventDefault();
    const wanted = text.trim();
    clear();
    if (wanted === '') return;
    search.current = new AbortController();
    const { signal } = search.current;
    setAnswer({ title: 'Searching …' });
    try {
      const isId = /^(acct|txn|hold)_/.test(wanted);
      const found = matchesOf(
        await find(client, isId || wanted.startsWith('ext:') ? wanted : `ext:${wanted}`, signal),
      );
      if (signal.aborted) return;
      const [only] = found;
      if (only === undefined) {
        const matches = isId ? [] : searchesFor(wanted.replace(/^ext:/, ''), viewer.owner === null);
        setAnswer({ title: `Nothing has the id or external id ${wanted}.`, matches });
      } else if (found.length === 1) {
        clear();
        setText('');
        go(only.to);
      } else setAnswer({ title: `${found.length} things have this external id:`, matches: found });
    } catch (error) {
      if (!signal.aborted) setAnswer(explainFailure(error));
    }
  };
  const { title, advice, matches = [] } = answer ?? {};
  return (
    <search
      className="find"
      onKeyDown={({ key }) => {
        if (key !== 'Escape' || answer === undefined) return;
        clear();
        input.current?.focus();
      }}
    >
      <form onSubmit={(event) => void submit(event)}>
        <Icon name="find" />
        <input
          ref={input}
          type="search"
          className="input"
          aria-label="Find by id or external id"
          placeholder="Find by id or external id"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            clear();
          }}
        />
      </form>
      <div className={answer === undefined ? 'sr-only' : 'find-answer'}>
        <p role="status">
          {title} {advice}
        </p>
        {advice === undefined ? null : (
          <Button
            size="small"
            onPress={() => {
              // The button goes away with the failure.
              input.current?.focus();
              void submit();
            }}
          >
            Try again
          </Button>
        )}
        <ul>
          {matches.map(({ kind, name, to }) => (
            <li key={to}>
              <Link href={to} className="find-match" onClick={clear}>
                <strong>{kind}</strong> {name}
              </Link>
            </li>
          ))}
        </ul>
      </div>
    </search>
  );
}

/** Returns the lists that a text without an exact match may be found in. */
function searchesFor(text: string, canFindOwners: boolean): readonly Match[] {
  const search = (path: string, kind: string, parameter: string): Match => ({
    kind,
    name: text,
    to: `${path}?${new URLSearchParams({ [parameter]: text })}`,
  });
  return [
    ...(canFindOwners ? [search(pathTo.accounts, 'Search accounts of the owner', 'owner')] : []),
    search(pathTo.accounts, 'Search accounts whose external id begins with', 'name'),
    ...(canFindOwners && text.includes('=')
      ? [search(pathTo.transactions, 'Search transactions with the metadata', 'metadata')]
      : []),
  ];
}

function matchesOf({ account, transaction, hold }: Awaited<ReturnType<typeof find>>): readonly Match[] {
  return [
    ...(account == null ? [] : [{ kind: 'Account', name: nameOf(account), to: pathTo.account(account.id) }]),
    ...(transaction == null
      ? []
      : [
          {
            kind: 'Transaction',
            name: transaction.description ?? wordOf(transaction.type),
            to: pathTo.transaction(transaction.id),
          },
        ]),
    ...(hold == null
      ? []
      : [
          {
            kind: 'Hold',
            name: `${wordOf(hold.status)}, ${hold.amount.amount} ${hold.amount.currency}`,
            to: pathTo.hold(hold.id),
          },
        ]),
  ];
}
