import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { explainFailure } from '../data/failures.ts';
import { pathTo } from '../data/place.ts';
import { find } from '../data/transactions.ts';
import { wordOf } from '../kit/badge.tsx';
import { nameOf } from '../kit/values/names.ts';
import { useSession } from '../session/session-context.ts';
import { Icon } from './icons.tsx';

/** Something that was found, and the page that shows it. */
interface Match {
  readonly kind: string;
  readonly name: string;
  readonly to: string;
}

/** Finds an account, a transaction or a hold by its id or its externalId, and opens it. Where several have it, it offers a choice. */
export function FindField() {
  const { client, isAllowed } = useSession();
  const [text, setText] = useState('');
  const [answer, setAnswer] = useState('');
  const [matches, setMatches] = useState<readonly Match[]>([]);
  const search = useRef<AbortController>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const [, go] = useLocation();
  useEffect(() => () => search.current?.abort(), []);
  if (!isAllowed('account')) return <div className="find" />;

  const clear = () => {
    search.current?.abort();
    setAnswer('');
    setMatches([]);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const wanted = text.trim();
    clear();
    if (wanted === '') return;
    search.current = new AbortController();
    const { signal } = search.current;
    setAnswer('Searching …');
    try {
      const id = /^(acct|txn|hold)_/.test(wanted) || wanted.startsWith('ext:') ? wanted : `ext:${wanted}`;
      const found = matchesOf(await find(client, id, signal));
      if (signal.aborted) return;
      const [only] = found;
      if (only === undefined) setAnswer(`Nothing has the id or external id ${wanted}.`);
      else if (found.length === 1) {
        clear();
        setText('');
        go(only.to);
      } else {
        setAnswer(`${found.length} things have this external id:`);
        setMatches(found);
      }
    } catch (error) {
      if (!signal.aborted) setAnswer(explainFailure(error).title);
    }
  };
  return (
    <search
      className="find"
      onKeyDown={({ key }) => {
        if (key !== 'Escape' || answer === '') return;
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
      <div className={answer === '' ? 'sr-only' : 'find-answer'}>
        <p role="status">{answer}</p>
        {matches.length === 0 ? null : (
          <ul>
            {matches.map(({ kind, name, to }) => (
              <li key={to}>
                <Link href={to} className="find-match">
                  <strong>{kind}</strong> {name}
                </Link>
              </li>
            ))}
          </ul>
        )}
      </div>
    </search>
  );
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
