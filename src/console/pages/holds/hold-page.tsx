import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { formatMoney } from '../../data/amounts.ts';
import { pathTo } from '../../data/place.ts';
import { type Hold, holdQuery } from '../../data/transactions.ts';
import { ButtonLink } from '../../kit/button.tsx';
import { QueryView } from '../../kit/lists/query-view.tsx';
import { Page, Section } from '../../kit/page.tsx';
import { Empty, Forbidden } from '../../kit/states.tsx';
import { Id } from '../../kit/values/copy.tsx';
import { Facts } from '../../kit/values/facts.tsx';
import { nameOf } from '../../kit/values/names.ts';
import { Time } from '../../kit/values/time.tsx';
import type { Flow } from '../../parts/flow/flow.ts';
import { FlowPicture } from '../../parts/flow/flow-picture.tsx';
import { Expiry } from '../../parts/holds/expiry.tsx';
import { HoldBar } from '../../parts/holds/hold-bar.tsx';
import { HoldStatus } from '../../parts/holds/hold-status.tsx';
import { HoldTransactions } from '../../parts/holds/hold-transactions.tsx';
import { useSession } from '../../session/session-context.ts';

/** A hold: its parties, how much of it is captured, and its transactions. */
export function HoldPage({ id }: { readonly id: string }) {
  const { isAllowed } = useSession();
  if (!isAllowed('hold')) {
    return (
      <Page title="Hold">
        <Forbidden what="reading holds" scope="READ" />
      </Page>
    );
  }
  return <Found id={id} />;
}

function Found({ id }: { readonly id: string }) {
  const { client } = useSession();
  const query = useQuery(holdQuery(client, id));
  const hold = query.data;
  return (
    <Page
      title={hold == null ? 'Hold' : `Hold of ${formatMoney(hold.amount)}`}
      actions={hold == null ? undefined : <Actions hold={hold} />}
    >
      <QueryView query={query}>
        {(data) => (data === null ? <NotFound id={id} /> : <View hold={data} />)}
      </QueryView>
    </Page>
  );
}

function Actions({ hold }: { readonly hold: Hold }) {
  const { isAllowed } = useSession();
  const isExpired = hold.expiresAt !== null && Date.parse(hold.expiresAt) <= Date.now();
  if (hold.status !== 'OPEN') return null;
  return (
    <>
      {isAllowed('captureHold') && !isExpired ? (
        <ButtonLink to={pathTo.move('capture', { hold: hold.id })} kind="primary">
          Capture
        </ButtonLink>
      ) : null}
      {isAllowed('voidHold') ? (
        <ButtonLink to={pathTo.move('void', { hold: hold.id })}>Void</ButtonLink>
      ) : null}
    </>
  );
}

function View({ hold }: { readonly hold: Hold }) {
  const { id, status, amount, fromParty, toParty, createdAt } = hold;
  const [placement] = hold.transactions.nodes;
  const flow: Flow = {
    kind: 'reserved',
    currency: amount.currency,
    from: [{ party: fromParty, money: amount, after: null }],
    to: [{ party: toParty, money: amount, after: null }],
  };
  return (
    <div className="stack">
      <Section title="Reserved money" actions={<HoldStatus status={status} />}>
        <FlowPicture flow={flow} label="From whom and for whom the money is reserved" />
        <HoldBar hold={hold} />
      </Section>
      <Section title="Facts">
        <Facts
          facts={[
            [
              'From',
              <Link key="from" href={pathTo.account(fromParty.accountId)}>
                {nameOf(fromParty)}
              </Link>,
            ],
            [
              'To',
              <Link key="to" href={pathTo.account(toParty.accountId)}>
                {nameOf(toParty)}
              </Link>,
            ],
            ['Description', placement?.description],
            ['External id', placement?.externalId],
            ['Placed', <Time key="placed" at={createdAt} length="full" />],
            ['Expires', <Expiry key="expires" hold={hold} />],
            ['Id', <Id key="id" id={id} isWhole />],
          ]}
        />
      </Section>
      <Section title="Transactions">
        <HoldTransactions holdId={id} />
      </Section>
    </div>
  );
}

function NotFound({ id }: { readonly id: string }) {
  const { viewer, isAllowed } = useSession();
  const what = id.startsWith('ext:')
    ? `No transaction with the external id ${id.slice(4)} placed a hold`
    : `No hold has the id ${id}`;
  return (
    <Empty
      title={
        viewer.owner === null
          ? `${what}. Check it, or find the hold by its account or its status.`
          : `${what} for an account of ${viewer.owner}.`
      }
    >
      {isAllowed('holds') ? <ButtonLink to={pathTo.holds}>Find holds</ButtonLink> : null}
    </Empty>
  );
}
