import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { accountsQuery } from '../../data/accounts.ts';
import { pathTo } from '../../data/place.ts';
import { Button } from '../../kit/button.tsx';
import { Glyph } from '../../kit/glyph.tsx';
import { Section } from '../../kit/page.tsx';
import { Copy } from '../../kit/values/copy.tsx';
import { nameOf } from '../../kit/values/names.ts';
import { useSession } from '../../session/session-context.ts';

const DEMO = 'npm run ledger -- demo';

/** The first steps in a ledger without transactions, as far as the viewer may take them. */
export function Start({ onCreateAccount }: { readonly onCreateAccount: () => void }) {
  const { client, isAllowed } = useSession();
  const { data } = useQuery(accountsQuery(client, { kind: 'STANDARD' }, {}, 2));
  const [second, first] = data?.nodes.length === 2 ? data.nodes : [undefined, data?.nodes[0]];
  const canPay = isAllowed('deposit') && isAllowed('transfer');
  return (
    <Section title="Start here">
      <p>This ledger has no transactions yet.</p>
      <ol className="overview-steps">
        {isAllowed('createAccount') ? (
          <Step isDone={second !== undefined}>
            <span>
              Create two accounts in one currency.{' '}
              {first === undefined ? null : (
                <span className="quiet">
                  There {second === undefined ? 'is' : 'are'} {nameOf(first)}
                  {second === undefined ? '' : ` and ${nameOf(second)}`}.
                </span>
              )}
            </span>
            <Button size="small" kind={second === undefined ? 'primary' : 'plain'} onPress={onCreateAccount}>
              {first === undefined ? 'Create the first account' : 'Create another account'}
            </Button>
          </Step>
        ) : null}
        {canPay ? (
          <>
            <Step>
              <span>Bring money into one of them.</span>
              <Link
                className="button small"
                href={pathTo.move('deposit', first === undefined ? {} : { account: first.id })}
              >
                Deposit
              </Link>
            </Step>
            <Step>
              <span>Move a part of it to the other.</span>
              <Link
                className="button small"
                href={pathTo.move(
                  'transfer',
                  first === undefined || second === undefined ? {} : { from: first.id, to: second.id },
                )}
              >
                Transfer
              </Link>
            </Step>
          </>
        ) : null}
      </ol>
      <p className="overview-demo">
        <span>
          To look around first, fill the ledger with a small marketplace. Run this on the machine of the
          service:
        </span>
        <code>{DEMO}</code>
        <Copy text={DEMO} what="the command" />
      </p>
    </Section>
  );
}

function Step({ isDone = false, children }: { readonly isDone?: boolean; readonly children: ReactNode }) {
  return (
    <li>
      <div className="overview-step">
        {children}
        {isDone ? (
          <span className="overview-done">
            <Glyph name="check" /> Done
          </span>
        ) : null}
      </div>
    </li>
  );
}
