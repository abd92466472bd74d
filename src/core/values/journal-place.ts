import type { Uuid } from './ids.ts';

/**
 * A position in the journal, between two outcomes: after the first `outcomes` outcomes of a block and all earlier blocks. Block 0
 * is the start of the journal.
 */
export interface JournalPlace {
  readonly block: bigint;
  readonly outcomes: number;
  /** Part of the block's hash, or of the ledger's id at the start. It detects a cursor of another ledger or of a restored one. */
  readonly mark: string;
}

/** Returns the mark of a place: 64 bits in hexadecimal digits. `hash` is empty at the start of the journal. */
export function journalMark(ledgerId: Uuid, hash: Uint8Array): string {
  return hash.length === 0
    ? ledgerId.replaceAll('-', '').slice(-16)
    : Buffer.from(hash).toString('hex', 0, 8);
}

/** Returns the cursor of a place: opaque text. */
export function formatJournalPlace({ block, outcomes, mark }: JournalPlace): string {
  return Buffer.from(`journal ${block} ${outcomes} ${mark}`).toString('base64url');
}

/** Returns the place of a cursor, in this ledger or another one; undefined for any other text. */
export function parseJournalPlace(cursor: string): JournalPlace | undefined {
  const [, block = '', outcomes = '', mark = ''] =
    PLACE.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  return mark === '' ? undefined : { block: BigInt(block), outcomes: Number(outcomes), mark };
}

const PLACE = /^journal (0|[1-9]\d{0,17}) (0|[1-9]\d{0,6}) ([0-9a-f]{16})$/;
