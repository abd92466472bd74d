import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { actorId } from '../../src/core/access/actor.ts';
import { type Leaf, leafDigest } from '../../src/core/chain.ts';
import { blockIds } from '../../src/core/values/ids.ts';
import { insertAccounts } from '../../src/db/accounts.ts';
import { blockOf } from '../../src/db/journal/block.ts';
import { openDatabase } from '../../src/db/postgres/database.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { findBreaches } from '../support/sample-books.ts';

const database = await createTestDatabase();
const db = openDatabase({
  allowUnsafeDurability: true,
  url: database.serviceUrl,
  maxConnections: 1,
  applicationName: 'actors',
});
afterAll(() => db.destroy());

const { id: ledgerId } = await db.selectFrom('ledgers').select('id').executeTakeFirstOrThrow();
const currencyOf = (code: string) => ({ code, exponent: 2 });
/** An actor that each database has, and none. */
const ACTORS = [actorId('CLI', null, 'command line'), null];

const accounts = ACTORS.map((actor) => ({
  id: randomUUID(),
  owner: 'alice',
  kind: 'STANDARD' as const,
  currency: 'USD',
  externalId: null,
  normalSide: 'CREDIT' as const,
  minBalance: null,
  maxBalance: null,
  metadata: null,
  creationKey: null,
  creationDigest: null,
  actor,
}));
await db.transaction().execute((trx) => insertAccounts(trx, ledgerId, accounts, currencyOf));

test('an account is written with the caller who created it', async () => {
  for (const { id, actor } of accounts) {
    expect(await asOwner(database, `select actor from accounts where id = '${id}'`)).toEqual([{ actor }]);
  }
});

test('an outcome is written with its caller, which its digest covers', async () => {
  const createdAt = BigInt(Date.now()) * 1000n;
  const idAt = blockIds(createdAt, 1n);
  const recordings = accounts.map(({ id, actor }, place) => {
    const leaf: Leaf = {
      id: idAt(place),
      type: 'TRANSFER',
      keyAccountId: id,
      idempotencyKey: 'order',
      externalId: null,
      outcome: 'ACCOUNT_FROZEN',
      facts: { account: id },
      holdId: null,
      reverses: null,
      effectiveAt: null,
      createdAt,
      expiresAt: null,
      actor,
      description: null,
      metadata: null,
      salt: null,
      entries: [],
    };
    const outcome = 'ACCOUNT_FROZEN' as const;
    return { ...leaf, outcome, request: Buffer.alloc(16), entryTexts: null, digest: leafDigest(leaf) };
  });
  const { value: statements } = blockOf(ledgerId, { createdAt, recordings, changedHolds: new Map() }).next();
  if (statements === undefined) throw new TypeError('a small block is written without a pause');
  await db.transaction().execute(async (trx) => {
    for (const statement of statements) await trx.executeQuery(statement);
  });

  expect(await asOwner(database, 'select actor from transactions order by id')).toEqual(
    ACTORS.map((actor) => ({ actor })),
  );
  expect(await findBreaches(db)).toEqual({});
});
