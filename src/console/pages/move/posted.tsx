import { useEffect, useRef } from 'react';
import { Link } from 'wouter';
import type { PostedOf } from '../../../client/index.ts';
import { formatMoney } from '../../data/amounts.ts';
import type { SentResult } from '../../data/payments/operations.ts';
import { pathTo } from '../../data/place.ts';
import { Button, ButtonLink } from '../../kit/button.tsx';
import { Notice } from '../../kit/notice.tsx';
import { Section } from '../../kit/page.tsx';
import { Id, shortId } from '../../kit/values/copy.tsx';
import { Facts } from '../../kit/values/facts.tsx';
import { Time } from '../../kit/values/time.tsx';
import { Balances } from '../../parts/payments/balances.tsx';
import { useSession } from '../../session/session-context.ts';
import type { MoveKind } from './values.ts';

const DONE: Readonly<Record<MoveKind, string>> = {
  deposit: 'Deposited',
  withdraw: 'Withdrew',
  transfer: 'Transferred',
  hold: 'Held',
  capture: 'Captured',
  void: 'Voided the hold and released',
  journal: 'Posted the journal of',
};

interface PostedProps {
  readonly kind: MoveKind;
  readonly result: PostedOf<SentResult>;
  readonly onMore: () => void;
}

/** The result of a payment. It has the focus, so that a second press of Enter does nothing. */
export function Posted({ kind, result, onMore }: PostedProps) {
  const { isAllowed } = useSession();
  const summary = useRef<HTMLDivElement>(null);
  useEffect(() => summary.current?.focus(), []);
  const { transaction, replayed } = result;
  const hold = 'hold' in result ? result.hold : transaction.hold;
  const moved = transaction.amount != null ? formatMoney(transaction.amount) : '';
  return (
    <div className="stack move-posted" ref={summary} tabIndex={-1}>
      <Notice
        tone="good"
        title={`${DONE[kind]}${moved === '' ? '' : ` ${moved}`}.`}
        actions={
          <>
            {isAllowed('transaction') ? (
              <ButtonLink kind="primary" to={pathTo.transaction(transaction.id)}>
                Open the transaction
              </ButtonLink>
            ) : null}
            {kind === 'hold' && hold != null && isAllowed('captureHold') ? (
              <ButtonLink to={pathTo.move('capture', { hold: hold.id })}>Capture the hold</ButtonLink>
            ) : null}
            <Button onPress={onMore}>Move more</Button>
          </>
        }
      >
        {replayed ? (
          <p>An earlier attempt posted it. This is its recorded result: nothing was posted twice.</p>
        ) : null}
        <Facts
          facts={[
            ['Transaction', <Id key="id" id={transaction.id} />],
            [
              'Hold',
              hold == null ? null : isAllowed('hold') ? (
                <Link key="hold" href={pathTo.hold(hold.id)}>
                  {shortId(hold.id)}
                </Link>
              ) : (
                shortId(hold.id)
              ),
            ],
            ['Effective', <Time key="effective" at={transaction.effectiveAt} length="full" />],
            ['External id', transaction.externalId],
          ]}
        />
      </Notice>
      <Section title="Balances after it">
        <Balances caption="Balances after it" entries={transaction.entries} isPosted />
      </Section>
    </div>
  );
}
