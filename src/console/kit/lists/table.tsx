import type { ReactNode } from 'react';
import { TableFrame } from './table-frame.tsx';

export interface Column<Row> {
  readonly name: string;
  readonly cell: (row: Row) => ReactNode;
  /** Numbers are aligned at their end. */
  readonly isNumber?: boolean;
  /** On a narrow screen the column is left out. */
  readonly isExtra?: boolean;
  /** The heading is for screen readers alone. */
  readonly isUnnamed?: boolean;
}

interface TableProps<Row> {
  /** Names the rows. Read by screen readers. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Rows that are shown with a mark, because they are new. */
  readonly isNew?: (row: Row) => boolean;
}

/** A table, which scrolls sideways where it is wider than the screen. */
export function Table<Row>({ caption, columns, rows, keyOf, isNew }: TableProps<Row>) {
  const classOf = ({ isNumber, isExtra }: Column<Row>) =>
    [isNumber ? 'number' : '', isExtra ? 'extra' : ''].join(' ').trim() || undefined;
  return (
    <TableFrame label={caption}>
      <table>
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" className={classOf(column)}>
                {column.isUnnamed ? <span className="sr-only">{column.name}</span> : column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)} className={isNew?.(row) ? 'new' : undefined}>
              {columns.map((column) => (
                <td key={column.name} className={classOf(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}
