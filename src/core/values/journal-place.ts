import type { Uuid } from './ids.ts';

/**
 * A place in the journal, between two outcomes: after the first `outcomes` outcomes of a block and all blocks before it. Block
 * 0 is the beginning of the books.
 */
export interface JournalPlace {
  readonly block: bigint;
  readonly outcomes: number;
  /** Part of the block's hash, or of the ledger's id at the beginning: other books have another one. */
  readonly mark: string;
}

/** What a place carries of its block's hash, which is empty at the beginning: 64 bits, in hexadecimal digits. */
export function journalMark(ledgerId: Uuid, hash: Uint8Array): string {
  return hash.length === 0
    ? ledgerId.replaceAll('-', '').slice(-16)
    : Buffer.from(hash).toString('hex', 0, 8);
}

/** The cursor of a place: opaque text. */
export function formatJournalPlace({ block, outcomes, mark }: JournalPlace): string {
  return Buffer.from(`journal ${block} ${outcomes} ${mark}`).toString('base64url');
}

/** The place that a cursor stands for, in these books or others; undefined for any other text. */
export function parseJournalPlace(cursor: string): JournalPlace | undefined {
  const [, block = '', outcomes = '', mark = ''] =
    PLACE.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  return mark === '' ? undefined : { block: BigInt(block), outcomes: Number(outcomes), mark };
}

const PLACE = /^journal (0|[1-9]\d{0,17}) (0|[1-9]\d{0,6}) ([0-9a-f]{16})$/;
