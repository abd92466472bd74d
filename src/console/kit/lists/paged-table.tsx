import type { UseQueryResult } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useSearch } from 'wouter';
import type { PageOf } from '../../data/pages.ts';
import { Button } from '../button.tsx';
import { QueryView } from './query-view.tsx';
import { type Column, Table } from './table.tsx';
import type { PlaceControl } from './use-place.ts';
import { useSteadyRows } from './use-steady-rows.ts';

interface PagedTableProps<Row> {
  readonly caption: string;
  readonly query: UseQueryResult<PageOf<Row>, Error>;
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  readonly place: PlaceControl;
  /** Shown where the list has no rows at all. */
  readonly empty: ReactNode;
  /** Shows the newest rows alone, for a part of a page that links to the whole list. */
  readonly withoutPager?: boolean;
}

/** One page of a list without end, with buttons to the pages around it. */
export function PagedTable<Row>({ query, place, ...about }: PagedTableProps<Row>) {
  // The address keeps the place and the filter.
  const search = useSearch();
  const list = query.isPlaceholderData ? undefined : search;
  return (
    <QueryView query={query}>{(page) => <Rows list={list} page={page} place={place} {...about} />}</QueryView>
  );
}

interface RowsProps<Row> extends Omit<PagedTableProps<Row>, 'query'> {
  readonly page: PageOf<Row>;
  /** Names the list; undefined while it is being read. */
  readonly list: string | undefined;
}

function Rows<Row>({
  page,
  list,
  place,
  caption,
  columns,
  keyOf,
  empty,
  withoutPager = false,
}: RowsProps<Row>) {
  const [isInUse, setInUse] = useState(false);
  const { rows, newRows, isNew, showAll } = useSteadyRows({
    latest: page.nodes,
    keyOf,
    isInUse: isInUse && place.isFirst,
    list,
  });
  const { hasNextPage, hasPreviousPage, startCursor, endCursor } = page.pageInfo;
  if (rows.length === 0 && place.isFirst && !hasNextPage) return empty;
  return (
    // The rows stay where they are while a person points at them or has the focus in them.
    // biome-ignore lint/a11y/noStaticElementInteractions: the handlers only observe
    <div
      onPointerEnter={() => setInUse(true)}
      onPointerLeave={() => setInUse(false)}
      onFocus={() => setInUse(true)}
      onBlur={() => setInUse(false)}
    >
      {newRows === 0 ? null : (
        <p className="new-rows" role="status">
          <Button size="small" onPress={showAll}>
            {newRows === 1 ? 'Show 1 new row' : `Show ${newRows} new rows`}
          </Button>
        </p>
      )}
      {rows.length === 0 ? (
        <p className="quiet">
          Nothing was found in this part of the list. There may be more on the next page.
        </p>
      ) : (
        <Table caption={caption} columns={columns} rows={rows} keyOf={keyOf} isNew={isNew} />
      )}
      {withoutPager || (place.isFirst && !hasNextPage) ? null : (
        <nav className="pager" aria-label={`Pages of ${caption}`}>
          <Button isDisabled={place.isFirst} onPress={() => place.go({})}>
            Newest
          </Button>
          <Button
            isDisabled={!hasPreviousPage || startCursor == null}
            onPress={() => place.go({ before: startCursor ?? undefined })}
          >
            Newer
          </Button>
          <Button
            isDisabled={!hasNextPage || endCursor == null}
            onPress={() => place.go({ after: endCursor ?? undefined })}
          >
            Older
          </Button>
        </nav>
      )}
    </div>
  );
}
