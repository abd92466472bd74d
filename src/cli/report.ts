/** The result of a command. */
export interface Report {
  /** The document of --json. */
  readonly json: unknown;
  /** The lines on standard output. */
  readonly lines: readonly string[];
  /** Further lines for people, on standard error. */
  readonly before?: readonly string[];
  readonly after?: readonly string[];
}

/** A command was not carried out. The message says why, and what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** How people start the command line, as the help and the messages show it. */
export const COMMAND = 'npm run ledger --';

/** Returns the lines of a table, with aligned columns. The first row has the titles. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map(printable));
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((row) => lengthOf(row[column] ?? ''))),
  );
  return cells.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - lengthOf(cell)))
      .join('  ')
      .trimEnd(),
  );
}

/** Escapes the characters that could change the display of a terminal. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** Removes the texts of API keys, which users pass by mistake. */
export function withoutSecrets(text: string): string {
  return text.replaceAll(/tlsk_[\w-]+/g, 'tlsk_…');
}

function lengthOf(text: string): number {
  return [...text].length;
}
