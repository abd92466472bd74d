// A small ledger with every kind of transaction, and a function that reports which invariants a change violates.

import { hash, randomUUID } from 'node:crypto';
import {
  Kysely,
  type PostgresCursor,
  PostgresDialect,
  type PostgresPoolClient,
  type PostgresQueryResult,
  sql,
} from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { actorId } from '../../src/core/access/actor.ts';
import { metadataDigest } from '../../src/core/audit.ts';
import type { Uuid } from '../../src/core/values/ids.ts';
import { parseInstant } from '../../src/core/values/instant.ts';
import { checkInvariants } from '../../src/db/invariants/invariants.ts';
import { type Database, openDatabase } from '../../src/db/postgres/database.ts';
import { SERVICE_ROLE } from '../../src/db/postgres/roles.ts';
import type { DB } from '../../src/db/tables.ts';
import { type BookLine, type BookTransaction, BookWriter } from './books.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

const USD = { code: 'USD', exponent: 2 };
const EUR = { code: 'EUR', exponent: 2 };
const EXPIRES_AT = parseInstant('2099-12-31T23:59:59.999999Z') as bigint;
const LONG_AGO = parseInstant('2020-02-29T12:00:00.000001Z') as bigint;

/** The accounts. */
export const A = {
  external: randomUUID(),
  externalEur: randomUUID(),
  alice: randomUUID(),
  bob: randomUUID(),
  /** May be overdrawn. */
  carol: randomUUID(),
  carolEur: randomUUID(),
  closed: randomUUID(),
};
/** The actors: the subject of a token, and an API key with a name. */
const KEY = randomUUID();
export const ACTOR = {
  token: actorId('TOKEN', 'https://issuer.example', 'alice é'),
  key: actorId('API_KEY', null, KEY),
};
/** The transactions. Set when the books are written. */
export const T = {
  deposit: '',
  first: '',
  second: '',
  third: '',
  hold: '',
  expired: '',
  voided: '',
  capture: '',
  journal: '',
  declined: '',
  backdated: '',
  lone: '',
};

/** Writes every kind of transaction, all valid, in blocks of one and of several. */
async function writeBooks(db: Database, writer: BookWriter): Promise<void> {
  const write = (...transactions: readonly BookTransaction[]) =>
    db.transaction().execute(async (trx) => {
      const ids = await writer.write(trx, transactions);
      for (const [place, { type, lines, expiresAt }] of transactions.entries()) {
        const [from, to] = lines;
        if (type !== 'HOLD' || from === undefined || to === undefined) continue;
        await sql`
          insert into holds (id, ledger_id, from_account_id, to_account_id, currency, amount, expires_at, created_at)
          select t.id, t.ledger_id, ${from.account}, ${to.account}, 'USD', ${to.amount},
            to_timestamp(${expiresAt === undefined ? null : Number(expiresAt / 1_000_000n)}::int8) + interval '999999 microseconds',
            t.created_at
          from transactions t where t.id = ${ids[place]}`.execute(trx);
      }
      return ids;
    });

  const [deposit] = await write(
    transfer(A.external, A.alice, 10_000n, {
      type: 'DEPOSIT',
      keyAccount: A.alice,
      actor: ACTOR.token,
      description: 'Lohn für März',
      metadata: {
        b: '"\\\u0001\u001f/',
        a: 'ü',
        '\ue000': 'after the surrogates',
        '😀': 'before them',
        '': '',
      },
    }),
    transfer(A.external, A.bob, 5000n, { type: 'DEPOSIT', keyAccount: A.bob }),
  );
  const [first, second, third] = await write(
    transfer(A.alice, A.bob, 100n),
    transfer(A.alice, A.bob, 200n, { externalId: 'order 1' }),
    transfer(A.alice, A.bob, 300n, { externalId: 'order 2' }),
  );
  const [hold, voided, expired] = await write(
    place(A.alice, A.bob, 3000n, { expiresAt: EXPIRES_AT }),
    place(A.alice, A.bob, 500n),
    place(A.bob, A.carol, 700n),
  );
  const [capture, , , journal, declined, backdated] = await write(
    {
      type: 'CAPTURE',
      holdId: hold ?? '',
      lines: [...release(A.alice, A.bob, 1000n), ...lines(A.alice, A.bob, 1000n)],
    },
    { type: 'RELEASE', holdId: voided ?? '', lines: release(A.alice, A.bob, 500n) },
    { type: 'RELEASE', holdId: expired ?? '', key: null, lines: release(A.bob, A.carol, 700n) },
    {
      type: 'JOURNAL',
      lines: [
        { account: A.carol, amount: -1000n, description: 'sold' },
        { account: A.external, amount: 1000n },
        { account: A.externalEur, amount: -900n },
        { account: A.carolEur, amount: 900n, description: 'bought' },
      ],
    },
    { ...declineOf(A.carol, 'ACCOUNT_CLOSED', { account: A.closed }), actor: ACTOR.key },
    transfer(A.bob, A.alice, 50n, { effectiveAt: LONG_AGO }),
  );
  const [lone] = await write(transfer(A.bob, A.alice, 1n));
  await sql`update holds set captured = 1000 where id = ${hold}`.execute(db);
  await sql`update holds set status = 'VOIDED' where id = ${voided}`.execute(db);
  await sql`update holds set status = 'EXPIRED' where id = ${expired}`.execute(db);
  Object.assign(T, { deposit, first, second, third, hold, voided, expired, capture, journal });
  Object.assign(T, { declined, backdated, lone });
}

/** Two lines: from is debited, to is credited. */
export function lines(from: Uuid, to: Uuid, amount: bigint): BookLine[] {
  return [
    { account: from, amount: -amount },
    { account: to, amount },
  ];
}
export function transfer(
  from: Uuid,
  to: Uuid,
  amount: bigint,
  more: Partial<BookTransaction> = {},
): BookTransaction {
  return { type: 'TRANSFER', lines: lines(from, to, amount), ...more };
}
export function place(
  from: Uuid,
  to: Uuid,
  amount: bigint,
  more: Partial<BookTransaction> = {},
): BookTransaction {
  return {
    type: 'HOLD',
    lines: lines(from, to, amount).map((line) => ({ ...line, layer: 'PENDING' as const })),
    ...more,
  };
}
export function release(from: Uuid, to: Uuid, amount: bigint): BookLine[] {
  return lines(from, to, -amount).map((line) => ({ ...line, layer: 'RELEASE' as const }));
}
export function declineOf(keyAccount: Uuid, outcome: string, facts: Record<string, string>): BookTransaction {
  return { type: 'TRANSFER', keyAccount, lines: [], outcome, facts };
}

export interface SampleBooks {
  /** A client with the service's login. */
  readonly db: Database;
  /** Changes the books as their owner or as the service, returns the violated invariants, and rolls back. */
  readonly breachesAfter: (
    login: 'owner' | 'service',
    act: (db: Database, writer: BookWriter) => Promise<unknown>,
  ) => Promise<Breaches>;
}
/** The violated invariants, each with its sentences. */
export type Breaches = Readonly<Record<string, readonly string[]>>;

/** Returns the books of a test file. They are written before its first test. */
export function useSampleBooks(): SampleBooks {
  let opened: Opened | undefined;
  const open = (): Opened => {
    if (opened === undefined) throw new TypeError('the books do not exist before the first test');
    return opened;
  };
  beforeAll(async () => {
    opened = await openBooks(await createTestDatabase());
  });
  afterAll(async () => {
    const { db, owner, service } = open();
    await Promise.all([db.destroy(), owner.end(), service.end()]);
  });
  return {
    get db() {
      return open().db;
    },
    async breachesAfter(login, act) {
      const { writer, [login]: client } = open();
      await client.query('begin');
      try {
        const db = nestedIn(client);
        await act(db, writer.copy());
        await client.query(`set local role ${SERVICE_ROLE}`);
        return await findBreaches(db);
      } finally {
        await client.query('rollback');
      }
    },
  };
}

export async function findBreaches(db: Database): Promise<Breaches> {
  const reports = await checkInvariants(db);
  return Object.fromEntries(
    reports
      .filter(({ violations }) => violations.length > 0)
      .map(({ name, violations }) => [name, violations]),
  );
}

interface Opened {
  readonly db: Database;
  readonly owner: pg.Client;
  readonly service: pg.Client;
  readonly writer: BookWriter;
}

async function openBooks({ serviceUrl, ownerUrl }: TestDatabase): Promise<Opened> {
  const db = openDatabase({
    allowUnsafeDurability: true,
    url: serviceUrl,
    maxConnections: 1,
    applicationName: 'books',
  });
  const { rows } = await sql<{ id: Uuid }>`select id from ledgers`.execute(db);
  const ledgerId = rows[0]?.id ?? '';
  const writer = new BookWriter(
    ledgerId,
    new Map(Object.entries(A).map(([name, id]) => [id, name.endsWith('Eur') ? EUR : USD])),
  );
  await sql`
    insert into actors (id, issuer, subject) values (${ACTOR.token}, 'https://issuer.example', 'alice é')`.execute(
    db,
  );
  await sql`
    insert into api_keys (id, name, scopes, secret) values (${KEY}, 'shop', '{READ}', ${Buffer.alloc(32)})`.execute(
    db,
  );
  await sql`
    insert into accounts (id, ledger_id, owner, kind, currency, side, min_balance, max_balance, actor)
    select a.id, ${ledgerId}, a.owner, a.kind, a.currency, a.side, a.min, a.max, a.actor
    from (values
      (${A.external}::uuid, 'external', 'EXTERNAL', 'USD', -1, null::numeric, null::numeric, null::uuid),
      (${A.externalEur}, 'external', 'EXTERNAL', 'EUR', -1, null, null, null),
      (${A.alice}, 'alice', 'STANDARD', 'USD', 1, 0, null, ${ACTOR.key}),
      (${A.bob}, 'bob', 'STANDARD', 'USD', 1, 0, 100000, ${ACTOR.token}),
      (${A.carol}, 'carol', 'STANDARD', 'USD', 1, null, null, null),
      (${A.carolEur}, 'carol', 'STANDARD', 'EUR', 1, 0, null, null),
      (${A.closed}, 'dora', 'STANDARD', 'USD', 1, 0, null, null)
    ) as a (id, owner, kind, currency, side, min, max, actor)`.execute(db);
  await writeBooks(db, writer);
  await changeAccounts(db, ledgerId);
  const owner = new pg.Client(ownerUrl);
  const service = new pg.Client({ connectionString: serviceUrl, options: `-c role=${SERVICE_ROLE}` });
  await Promise.all([owner.connect(), service.connect()]);
  return { db, owner, service, writer };
}

/** Changes accounts with an audit event each, as the service does. */
async function changeAccounts(db: Database, ledgerId: Uuid): Promise<void> {
  const externalId = 'a\n"ü';
  const metadata = { b: '"\\\u0001\u001f/', a: 'ü', '\ue000': 'after', '😀': 'before' };
  const salt = Buffer.alloc(16);
  await sql`
    update accounts set external_id = ${externalId}, metadata = ${JSON.stringify(metadata)} where id = ${A.alice}`.execute(
    db,
  );
  await sql`update accounts set status = 'CLOSED' where id = ${A.closed}`.execute(db);
  const request = Buffer.alloc(16);
  const events = [
    { subject: A.alice, before: { externalId: null }, after: { externalId }, key: 'one', request },
    {
      subject: A.alice,
      before: { metadata: null },
      after: { metadata: metadataDigest(metadata, salt) },
      key: 'two',
      request,
      salt,
    },
    { subject: A.closed, before: { status: 'OPEN' }, after: { status: 'CLOSED' } },
    {
      type: 'API_KEY',
      subject: KEY,
      before: null,
      after: { name: 'shop', scopes: 'READ', secretDigest: hash('sha256', Buffer.alloc(32)) },
    },
  ];
  for (const event of events) {
    const { type = 'ACCOUNT', subject, before, after, key = null, request = null, salt = null } = event;
    await sql`
      insert into audit_events (ledger_id, actor, action, subject_type, subject, before, after, idempotency_key, request, salt, request_id)
      values (${ledgerId}, ${key === 'two' ? ACTOR.key : null}, 'updateAccount', ${type}, ${subject},
        ${before && JSON.stringify(before)}, ${JSON.stringify(after)}, ${key},
        ${request}, ${salt}, 'request')`.execute(db);
  }
}

/** Returns a database on an open transaction. Its transactions are savepoints. */
export function nestedIn(client: pg.Client): Database {
  const pool = { options: {}, connect: async () => new NestedClient(client), end: async () => {} };
  return new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
}

class NestedClient implements PostgresPoolClient {
  readonly #client: pg.Client;

  constructor(client: pg.Client) {
    this.#client = client;
  }

  query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query(text: unknown, values: readonly unknown[] = []): unknown {
    return this.#client.query(nested(String(text)), [...values]);
  }

  release(): void {}
}

function nested(text: string): string {
  if (text === 'commit') return 'release savepoint nested';
  if (text === 'rollback') return 'rollback to savepoint nested';
  return text === 'begin' || text.startsWith('start transaction') ? 'savepoint nested' : text;
}
