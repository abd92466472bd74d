import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { explainFailure } from '../../data/failures.ts';
import { Button } from '../button.tsx';
import { Notice } from '../notice.tsx';
import { Failed, Loading } from '../states.tsx';
import { Time } from '../values/time.tsx';

interface QueryViewProps<Data> {
  readonly query: UseQueryResult<Data, Error>;
  readonly children: (data: Data) => ReactNode;
  /** The height of what is loading, in rows. */
  readonly rows?: number;
}

/**
 * Shows the data of a query. Data that was read once stays when it cannot be read again, with a note how old it is.
 */
export function QueryView<Data>({ query, children, rows = 6 }: QueryViewProps<Data>) {
  const { data, error, isPlaceholderData, dataUpdatedAt } = query;
  const retry = () => void query.refetch();
  if (data === undefined)
    return error === null ? <Loading rows={rows} /> : <Failed error={error} onRetry={retry} />;
  return (
    <div
      className={isPlaceholderData ? 'query-view stale' : 'query-view'}
      aria-busy={isPlaceholderData || undefined}
    >
      {error === null ? null : (
        <Notice
          tone="warning"
          title={explainFailure(error).title}
          actions={
            <Button size="small" onPress={retry}>
              Try again
            </Button>
          }
        >
          <p>
            This was read at <Time at={new Date(dataUpdatedAt).toISOString()} length="full" />. The page keeps
            trying.
          </p>
        </Notice>
      )}
      {children(data)}
    </div>
  );
}
