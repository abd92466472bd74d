import { useState } from 'react';
import type { TransactionDetails } from '../../data/transactions.ts';
import { Section } from '../../kit/page.tsx';
import { Tabs } from '../../kit/tabs.tsx';
import { Copy } from '../../kit/values/copy.tsx';
import { asClientCall, asGraphql } from './copies.ts';
import { toRequest } from './request.ts';

/** The request that would post the same again, to copy. Nothing where the viewer does not see all of it. */
export function CopySection({ transaction }: { readonly transaction: TransactionDetails }) {
  const [selected, setSelected] = useState<'graphql' | 'client'>('graphql');
  const request = toRequest(transaction);
  if (request === undefined) return null;
  return (
    <Section title="Post the same again">
      <div className="transaction-copies">
        <Tabs
          label="Forms of the request"
          selected={selected}
          onSelect={setSelected}
          tabs={[
            {
              name: 'graphql',
              label: 'GraphQL',
              content: <Text text={asGraphql(request)} label="Copy as GraphQL" />,
            },
            {
              name: 'client',
              label: 'Client call',
              content: <Text text={asClientCall(request)} label="Copy as client call" />,
            },
          ]}
        />
      </div>
    </Section>
  );
}

function Text({ text, label }: { readonly text: string; readonly label: string }) {
  return (
    <div className="stack">
      <div>
        <Copy text={text} what="the request">
          {label}
        </Copy>
      </div>
      <pre>
        <code>{text}</code>
      </pre>
    </div>
  );
}
