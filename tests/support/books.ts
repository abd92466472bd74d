import { randomBytes } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { leafDigest, merkleRoot } from '../../src/core/chain.ts';
import type { Entry, Layer, TransactionType } from '../../src/core/transaction.ts';
import type { Currency } from '../../src/core/values/currency.ts';
import { blockIds, type Uuid } from '../../src/core/values/ids.ts';
import { formatInstant, type Instant } from '../../src/core/values/instant.ts';
import type { Metadata } from '../../src/core/values/text.ts';
import type { DB } from '../../src/db/tables.ts';

/** One entry to write. Its sums follow from the account's; `falsely` replaces them. */
export interface BookLine {
  readonly account: Uuid;
  readonly layer?: Layer;
  readonly amount: bigint;
  readonly description?: string;
  readonly falsely?: Partial<Entry>;
}

/** A transaction to write, or a declined attempt if it has an outcome. `falseDigest` replaces its digest. */
export interface BookTransaction {
  readonly type: TransactionType;
  readonly lines: readonly BookLine[];
  /** The account of the key. Default: that of the first line. */
  readonly keyAccount?: Uuid;
  /** null for an expiry, which has no key. */
  readonly key?: string | null;
  readonly externalId?: string;
  readonly holdId?: Uuid;
  readonly reverses?: Uuid;
  readonly effectiveAt?: Instant;
  readonly expiresAt?: Instant;
  readonly actor?: Uuid;
  readonly description?: string;
  readonly metadata?: Metadata;
  readonly outcome?: string;
  readonly facts?: Readonly<Record<string, string>>;
  readonly falseDigest?: Buffer;
}

type Sums = Pick<
  Entry,
  'version' | 'postedAfter' | 'pendingDebitsAfter' | 'pendingCreditsAfter' | 'totalDebitsAfter'
>;
type Row = Readonly<Record<string, string | number | Metadata | null>>;

/**
 * Writes blocks of any kind of transaction, valid or not, with any login, independently of the program's own writer. Digests and
 * roots are correct unless a false one is given, so that a test can plant exactly one fault.
 */
export class BookWriter {
  readonly #ledgerId: Uuid;
  readonly #currencies: ReadonlyMap<Uuid, Currency>;
  readonly #sums = new Map<Uuid, Sums>();
  #lastAt: Instant = 0n;
  #keys = 0;

  constructor(ledgerId: Uuid, currencies: ReadonlyMap<Uuid, Currency>) {
    this.#ledgerId = ledgerId;
    this.#currencies = currencies;
  }

  /** Returns a copy of the writer, for blocks that are rolled back. */
  copy(): BookWriter {
    const copy = new BookWriter(this.#ledgerId, this.#currencies);
    for (const [account, sums] of this.#sums) copy.#sums.set(account, sums);
    copy.#lastAt = this.#lastAt;
    copy.#keys = this.#keys;
    return copy;
  }

  /** Writes one block and returns the ids of its transactions. */
  async write(
    trx: Kysely<DB>,
    transactions: readonly BookTransaction[],
    falseRoot?: Buffer,
  ): Promise<readonly Uuid[]> {
    const now = BigInt(Date.now()) * 1000n;
    const createdAt = now > this.#lastAt ? now : this.#lastAt + 1n;
    this.#lastAt = createdAt;
    const idAt = blockIds(createdAt, BigInt(`0x${randomBytes(6).toString('hex')}`));
    const rows = transactions.map((transaction, place) => this.#rowsOf(transaction, idAt(place), createdAt));
    const root = falseRoot ?? merkleRoot(rows.map(({ digest }) => digest));
    await insertBlock(
      trx,
      root,
      rows.map(({ row }) => row),
      rows.flatMap(({ entryRows }) => entryRows),
    );
    return rows.map(({ id }) => id);
  }

  #rowsOf(given: BookTransaction, id: Uuid, createdAt: Instant) {
    const {
      lines,
      type,
      outcome = 'POSTED',
      metadata = null,
      description = null,
      effectiveAt = null,
    } = given;
    const entries = lines.map((line) => this.#move(line));
    this.#keys += 1;
    const idempotencyKey = given.key === undefined ? `key ${this.#keys}` : given.key;
    const texts: readonly (string | Metadata | null)[] = [
      description,
      metadata,
      ...entries.map((entry) => entry.description),
    ];
    const leaf = {
      id,
      type,
      keyAccountId: given.keyAccount ?? lines[0]?.account ?? '',
      idempotencyKey,
      externalId: given.externalId ?? null,
      outcome,
      facts: given.facts ?? null,
      holdId: given.holdId ?? null,
      reverses: given.reverses ?? null,
      effectiveAt,
      createdAt,
      expiresAt: given.expiresAt ?? null,
      actor: given.actor ?? null,
      description,
      metadata,
      salt: texts.some((text) => text !== null) ? randomBytes(16) : null,
      entries,
    };
    const digest = given.falseDigest ?? leafDigest(leaf);
    const common = { ledger_id: this.#ledgerId, type, created_at: formatInstant(createdAt) };
    const row: Row = {
      ...common,
      id,
      entry_count: entries.length,
      account_id: leaf.keyAccountId,
      idempotency_key: idempotencyKey,
      request: idempotencyKey === null ? null : byteaOf(Buffer.alloc(16)),
      external_id: leaf.externalId,
      outcome,
      facts: leaf.facts,
      hold_id: leaf.holdId,
      reverses: leaf.reverses,
      effective_at: effectiveAt === null ? null : formatInstant(effectiveAt),
      actor: leaf.actor,
      description,
      metadata,
      salt: leaf.salt === null ? null : byteaOf(leaf.salt),
      digest: byteaOf(digest),
    };
    const entryRows = entries.map(
      (entry, place): Row => ({
        ...common,
        account_id: entry.accountId,
        version: `${entry.version}`,
        transaction_id: id,
        line: place + 1,
        currency: entry.currency.code,
        layer: entry.layer,
        amount: `${entry.amount}`,
        posted_after: `${entry.postedAfter}`,
        pending_debits_after: `${entry.pendingDebitsAfter}`,
        pending_credits_after: `${entry.pendingCreditsAfter}`,
        total_debits_after: `${entry.totalDebitsAfter}`,
        description: entry.description,
        effective_at: row['effective_at'] ?? null,
      }),
    );
    return { id, digest, row, entryRows };
  }

  #move({ account, layer = 'POSTED', amount, description, falsely = {} }: BookLine): Entry {
    const currency = this.#currencies.get(account);
    if (currency === undefined) throw new TypeError(`the account ${account} does not exist`);
    const before = this.#sums.get(account) ?? NOTHING;
    const sums: Sums = {
      version: before.version + 1n,
      postedAfter: before.postedAfter + (layer === 'POSTED' ? amount : 0n),
      totalDebitsAfter: before.totalDebitsAfter + (layer === 'POSTED' && amount < 0n ? -amount : 0n),
      pendingDebitsAfter:
        before.pendingDebitsAfter - (layer === (amount < 0n ? 'PENDING' : 'RELEASE') ? amount : 0n),
      pendingCreditsAfter:
        before.pendingCreditsAfter + (layer === (amount < 0n ? 'RELEASE' : 'PENDING') ? amount : 0n),
    };
    this.#sums.set(account, sums);
    // The normal side is not part of the digest.
    const entry = { accountId: account, currency, normalSide: 'CREDIT' as const, layer, amount };
    return { ...entry, description: description ?? null, ...sums, ...falsely };
  }
}

const NOTHING: Sums = {
  version: 0n,
  postedAfter: 0n,
  pendingDebitsAfter: 0n,
  pendingCreditsAfter: 0n,
  totalDebitsAfter: 0n,
};

/** The statement that writes a block: its transactions in WITH, its entries as the main query. */
async function insertBlock(
  trx: Kysely<DB>,
  root: Buffer,
  transactions: readonly Row[],
  entries: readonly Row[],
): Promise<void> {
  const columns = (rows: readonly Row[]) => sql.join(Object.keys(rows[0] ?? {}).map((name) => sql.ref(name)));
  const inserted = sql`
    insert into transactions (${columns(transactions)})
    select ${columns(transactions)}
    from jsonb_populate_recordset(null::transactions, ${JSON.stringify(transactions)}::jsonb), root`;
  const moved =
    entries.length === 0
      ? sql`select`
      : sql`insert into entries (${columns(entries)})
          select ${columns(entries)} from jsonb_populate_recordset(null::entries, ${JSON.stringify(entries)}::jsonb)`;
  await sql`
    with root as materialized (select set_config('tls.root', ${root.toString('hex')}, true)), block as (${inserted}) ${moved}`.execute(
    trx,
  );
}

function byteaOf(bytes: Buffer): string {
  return `\\x${bytes.toString('hex')}`;
}
