// Writes blocks as an attacker with the service's credentials can: arbitrary rows, in the one statement that the database accepts.
// Tests of the database's defences change a row, and expect an error.

import { randomInt, randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type Leaf, leafDigest, merkleRoot } from '../../src/core/chain.ts';
import type { Entry, Layer, TransactionType } from '../../src/core/transaction.ts';
import { blockIds, type Uuid } from '../../src/core/values/ids.ts';
import { formatInstant, type Instant } from '../../src/core/values/instant.ts';

/** A row as PostgreSQL reads it from JSON. */
export type Row = Record<string, string | number | Readonly<Record<string, string>> | null>;

export interface Block {
  root: string;
  readonly transactions: Row[];
  readonly entries: Row[];
}

/** A transaction to build: the change of each account in minor units, credits positive. Without legs: a declined attempt. */
export interface Draft {
  readonly legs: readonly (readonly [account: Uuid, amount: bigint, layer?: Layer])[];
  readonly type?: TransactionType;
  readonly effectiveAt?: Instant;
  readonly actor?: Uuid;
}

export interface BlockOptions {
  /** createdAt. Default: the database's clock. */
  readonly createdAt?: (clock: Instant) => Instant;
  /** The place of each transaction in the range of ids. Default: 0, 1, 2 … */
  readonly places?: readonly number[];
  readonly ledgerId?: Uuid;
}

/** Builds the block of these transactions, in this order. It is valid if the drafts and options are. */
export async function buildBlock(
  client: pg.Client,
  drafts: readonly Draft[],
  { createdAt = (clock) => clock, places, ledgerId = '' }: BlockOptions = {},
): Promise<Block> {
  const ids = drafts.flatMap(({ legs }) => legs.map(([account]) => account));
  const { clock, states } = await readStates(client, ids);
  const at = createdAt(clock);
  const idAt = blockIds(at, BigInt(randomInt(2 ** 42)));
  const ledger = ledgerId === '' ? await ledgerOf(client, ids) : ledgerId;

  const leaves = drafts.map((draft, index): Leaf => {
    const { legs, type = typeOf(legs), effectiveAt = null } = draft;
    const keyAccountId = legs[0]?.[0] ?? randomUUID();
    return {
      id: idAt(places?.[index] ?? index),
      type,
      keyAccountId,
      idempotencyKey: randomUUID(),
      externalId: null,
      outcome: legs.length > 0 ? 'POSTED' : 'ACCOUNT_FROZEN',
      facts: legs.length > 0 ? null : { account: keyAccountId },
      holdId: type === 'CAPTURE' || type === 'RELEASE' ? randomUUID() : null,
      reverses: null,
      effectiveAt,
      createdAt: at,
      expiresAt: null,
      actor: draft.actor ?? null,
      description: null,
      metadata: null,
      salt: null,
      entries: legs.map(([account, amount, layer = 'POSTED']) => move(states, account, amount, layer)),
    };
  });
  const digests = leaves.map(leafDigest);
  return {
    root: merkleRoot(digests).toString('hex'),
    transactions: leaves.map((leaf, index) => transactionRow(ledger, leaf, digests[index])),
    entries: leaves.flatMap((leaf) =>
      leaf.entries.map((entry, index) => entryRow(ledger, leaf, entry, index)),
    ),
  };
}

/** Returns the transaction type of such entries. */
function typeOf(legs: Draft['legs']): TransactionType {
  const layers = new Set(legs.map(([, , layer = 'POSTED']) => layer));
  if (layers.size > 1) return 'CAPTURE';
  if (layers.has('PENDING')) return 'HOLD';
  if (layers.has('RELEASE')) return 'RELEASE';
  return legs.length > 2 ? 'JOURNAL' : 'TRANSFER';
}

/** The statement that writes a block. Its parameters are the block's root, its transactions and its entries. */
export const WRITE = `
  with s as materialized (select set_config('tls.root', $1, true)),
  t as (insert into transactions select r.* from jsonb_populate_recordset(null::transactions, $2::jsonb) r, s)
  insert into entries select r.* from jsonb_populate_recordset(null::entries, $3::jsonb) r`;

export function parametersOf({ root, transactions, entries }: Block): string[] {
  return [root, JSON.stringify(transactions), JSON.stringify(entries)];
}

export function postBlock(client: pg.Client, block: Block): Promise<pg.QueryResult> {
  return client.query(WRITE, parametersOf(block));
}

type State = Omit<Entry, 'layer' | 'amount' | 'description'>;

async function readStates(client: pg.Client, ids: readonly Uuid[]) {
  const { rows } = await client.query<Record<string, string>>(
    `select c.clock, a.* from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint as clock) c
    left join accounts a on a.id = any($1)`,
    [ids],
  );
  const states = new Map<Uuid, State>();
  for (const row of rows) {
    const whole = (column: string) => BigInt(row[column] ?? 0);
    states.set(row['id'] ?? '', {
      accountId: row['id'] ?? '',
      currency: { code: row['currency'] ?? '', exponent: 0 },
      normalSide: 'CREDIT',
      version: whole('version'),
      postedAfter: whole('posted'),
      pendingDebitsAfter: whole('pending_debits'),
      pendingCreditsAfter: whole('pending_credits'),
      totalDebitsAfter: whole('total_debits'),
    });
  }
  return { clock: BigInt(rows[0]?.['clock'] ?? 0), states };
}

async function ledgerOf(client: pg.Client, ids: readonly Uuid[]): Promise<Uuid> {
  const { rows } = await client.query<{ id: Uuid }>(
    `select coalesce((select ledger_id from accounts where id = $1), id) as id from ledgers where name = 'main'`,
    [ids[0] ?? null],
  );
  return rows[0]?.id ?? '';
}

/** Returns the account's next entry, and updates its state. */
function move(states: Map<Uuid, State>, account: Uuid, amount: bigint, layer: Layer): Entry {
  const state = states.get(account);
  if (state === undefined) throw new TypeError(`the account ${account} does not exist`);
  // A RELEASE entry ends a PENDING entry of the other sign.
  const pending = layer === 'RELEASE' ? -amount : amount;
  const change = layer === 'PENDING' ? 1n : -1n;
  const size = (pending < 0n ? -pending : pending) * change;
  const isPosted = layer === 'POSTED';
  const next = {
    ...state,
    version: state.version + 1n,
    postedAfter: state.postedAfter + (isPosted ? amount : 0n),
    totalDebitsAfter: state.totalDebitsAfter + (isPosted && amount < 0n ? -amount : 0n),
    pendingDebitsAfter: state.pendingDebitsAfter + (!isPosted && pending < 0n ? size : 0n),
    pendingCreditsAfter: state.pendingCreditsAfter + (!isPosted && pending > 0n ? size : 0n),
  };
  states.set(account, next);
  return { ...next, layer, amount, description: null };
}

function transactionRow(ledgerId: Uuid, leaf: Leaf, digest: Buffer | undefined): Row {
  return {
    id: leaf.id,
    ledger_id: ledgerId,
    type: leaf.type,
    entry_count: leaf.entries.length,
    account_id: leaf.keyAccountId,
    idempotency_key: leaf.idempotencyKey,
    request: `\\x${'00'.repeat(16)}`,
    outcome: leaf.outcome,
    facts: leaf.facts,
    hold_id: leaf.holdId,
    effective_at: leaf.effectiveAt === null ? null : formatInstant(leaf.effectiveAt),
    created_at: formatInstant(leaf.createdAt),
    actor: leaf.actor,
    digest: `\\x${digest?.toString('hex')}`,
  };
}

function entryRow(ledgerId: Uuid, leaf: Leaf, entry: Entry, index: number): Row {
  const isDisplaced = leaf.effectiveAt !== null && leaf.effectiveAt !== leaf.createdAt;
  return {
    account_id: entry.accountId,
    version: `${entry.version}`,
    ledger_id: ledgerId,
    transaction_id: leaf.id,
    line: index + 1,
    type: leaf.type,
    currency: entry.currency.code,
    layer: entry.layer,
    amount: `${entry.amount}`,
    posted_after: `${entry.postedAfter}`,
    pending_debits_after: `${entry.pendingDebitsAfter}`,
    pending_credits_after: `${entry.pendingCreditsAfter}`,
    total_debits_after: `${entry.totalDebitsAfter}`,
    effective_at: isDisplaced && leaf.effectiveAt !== null ? formatInstant(leaf.effectiveAt) : null,
    created_at: formatInstant(leaf.createdAt),
  };
}
