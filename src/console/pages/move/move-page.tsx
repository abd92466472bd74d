import './move.css';
import { Link, useSearch } from 'wouter';
import { pathTo } from '../../data/place.ts';
import { Page } from '../../kit/page.tsx';
import { Empty, Forbidden } from '../../kit/states.tsx';
import { useSession } from '../../session/session-context.ts';
import { KINDS } from './kinds.ts';
import { MoveForm } from './move-form.tsx';

/** Moves money by one of the operations that the viewer may use. The parameters from, to, account, hold and amount fill its form. */
export function MovePage({ kind }: { readonly kind: string }) {
  const { isAllowed, ledger } = useSession();
  const search = useSearch();
  const offered = KINDS.filter(({ action }) => isAllowed(action));
  const shown = KINDS.find((each) => each.kind === kind);
  return (
    <Page title={shown?.title ?? 'Move money'}>
      {offered.length < 2 ? null : (
        <nav aria-label="Kinds of operations">
          <ul className="tab-list move-kinds">
            {offered.map((each) => (
              <li key={each.kind}>
                <Link
                  href={pathTo.move(each.kind)}
                  className="tab move-tab"
                  aria-current={each.kind === kind ? 'page' : undefined}
                >
                  {each.label}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
      )}
      {shown === undefined ? (
        <Empty title="There is no such operation. Choose one of the list." />
      ) : isAllowed(shown.action) ? (
        <MoveForm key={`${ledger.id} ${kind} ${search}`} kind={shown.kind} link={search} />
      ) : (
        <Forbidden what="this operation" scope={isAllowed('transfer') ? 'MANAGE' : 'POST'} />
      )}
    </Page>
  );
}
