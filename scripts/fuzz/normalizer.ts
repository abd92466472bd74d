import { formatId, type Uuid } from '../../src/core/values/ids.ts';

const PUBLIC_ID = /\b(ldg|acct|txn|ent|hold)_([0-9a-hjkmnp-tv-z]{26})/g;
const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;
const INSTANT = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)/g;
const HASH = /\b[0-9a-f]{64}\b/g;
const TEXT = /"([\w-]{16,})"/g;
const CURSOR = /^[\w:-]+ [\w-]+ \S+$/;
/** A cursor of the journal: a block, a place in it, and a part of the block's hash. */
const JOURNAL_CURSOR = /^(journal \d+ \d+) [0-9a-f]{16}$/;
/** Requests have no instants within this time after the start of the run. */
const RUN_MS = 86_400_000;

/**
 * Makes the texts of two ledgers comparable. Ids created during the run become numbers in the order of their first appearance.
 * Instants of the run and hashes of the chain become words. Cursors are decoded.
 */
export class Normalizer {
  readonly #since: Date;
  readonly #firstNewId: string;
  readonly #numbers = new Map<string, number>();

  constructor(since: Date) {
    this.#since = since;
    const hex = since.getTime().toString(16).padStart(12, '0');
    this.#firstNewId = suffixOf(`${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`);
  }

  normalize(text: string): string {
    return text
      .replaceAll(TEXT, (quoted, word: string) => {
        const content = Buffer.from(word, 'base64url').toString().replace(JOURNAL_CURSOR, '$1');
        return CURSOR.test(content) ? JSON.stringify(`cursor ${content}`) : quoted;
      })
      .replaceAll(PUBLIC_ID, (id, kind: string, suffix: string) => this.#number(suffix, kind) ?? id)
      .replaceAll(UUID, (uuid) => this.#number(suffixOf(uuid), 'uuid') ?? uuid)
      .replaceAll(INSTANT, (instant) => (this.#isOfRun(instant) ? 'now' : instant))
      .replaceAll(HASH, 'hash');
  }

  /** The number of ids that have a number. */
  get known(): number {
    return this.#numbers.size;
  }

  /** Removes the numbers above `known`. */
  forget(known: number): void {
    for (const [suffix, number] of this.#numbers) if (number > known) this.#numbers.delete(suffix);
  }

  #number(suffix: string, kind: string): string | undefined {
    if (suffix < this.#firstNewId) return undefined;
    const number = this.#numbers.get(suffix) ?? this.#numbers.size + 1;
    this.#numbers.set(suffix, number);
    return `${kind} ${number}`;
  }

  #isOfRun(instant: string): boolean {
    const ms = Date.parse(instant) - this.#since.getTime();
    return ms >= 0 && ms < RUN_MS;
  }
}

function suffixOf(uuid: Uuid): string {
  return formatId('account', uuid).slice('acct_'.length);
}
