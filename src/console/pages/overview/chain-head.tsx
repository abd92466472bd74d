import { useQuery } from '@tanstack/react-query';
import { headQuery } from '../../data/overview.ts';
import { QueryView } from '../../kit/lists/query-view.tsx';
import { Section } from '../../kit/page.tsx';
import { Empty } from '../../kit/states.tsx';
import { Copy } from '../../kit/values/copy.tsx';
import { Facts } from '../../kit/values/facts.tsx';
import { Time } from '../../kit/values/time.tsx';
import { useSession } from '../../session/session-context.ts';

/** The last block of the journal, whose hash can be kept elsewhere. */
export function ChainHead() {
  const { client } = useSession();
  const query = useQuery(headQuery(client));
  return (
    <Section title="Head of the chain">
      <QueryView query={query} rows={3}>
        {({ number, hash, createdAt }) =>
          number === '0' ? (
            <Empty title="There is no block yet. The first transaction creates one." />
          ) : (
            <div className="overview-head">
              <Facts
                facts={[
                  ['Block', BigInt(number).toLocaleString()],
                  ['Recorded', <Time key="recorded" at={createdAt} length="full" />],
                ]}
              />
              <code className="overview-hash">{hash}</code>
              <div>
                <Copy text={hash} what="the hash">
                  Copy hash
                </Copy>
              </div>
              <p className="field-description">
                The hash covers everything recorded so far. Keep a copy elsewhere: it shows later whether an
                earlier block was changed.
              </p>
            </div>
          )
        }
      </QueryView>
    </Section>
  );
}
