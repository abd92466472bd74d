import { createHash, randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { checkInvariants } from '../../src/db/invariants/invariants.ts';
import { type Database, openDatabase } from '../../src/db/postgres/database.ts';
import type { BookLine, BookTransaction, BookWriter } from '../support/books.ts';
import { createTestDatabase } from '../support/database.ts';
import {
  A,
  ACTOR,
  declineOf,
  findBreaches,
  lines,
  place,
  release,
  T,
  transfer,
  useSampleBooks,
} from '../support/sample-books.ts';

const books = useSampleBooks();

test('valid books have no violations', async () => {
  const reports = await checkInvariants(books.db);
  expect(reports.map(({ name }) => name)).toEqual(['I1', 'I2', 'I3', 'I4', 'I6', 'I7', 'I9', 'I10', 'I11']);
  expect(reports.flatMap(({ violations }) => violations)).toEqual([]);
});

test('empty books have no violations', async () => {
  const { serviceUrl: url } = await createTestDatabase();
  const db = openDatabase({
    allowUnsafeDurability: true,
    url,
    maxConnections: 1,
    applicationName: 'empty books',
  });
  expect(await findBreaches(db)).toEqual({});
  await db.destroy();
});

describe('finds violations that the service’s login can write and the database accepts:', () => {
  const NOBODY = randomUUID();
  const FALSE = createHash('sha256').update('false').digest();
  type Act = (db: Database, writer: BookWriter) => Promise<unknown>;

  /** Writes a block whose digests and root match its false values. */
  const writes =
    (transactions: readonly (BookTransaction | (() => BookTransaction))[], falseRoot?: Buffer): Act =>
    (db, writer) =>
      writer.write(
        db,
        transactions.map((each) => (typeof each === 'function' ? each() : each)),
        falseRoot,
      );
  /** Reverses the first transfer. A function, since its id is known only after the books are written. */
  const reversalOfFirst = (from: string, to: string, amount: bigint) => () =>
    transfer(from, to, amount, { type: 'REVERSAL', reverses: T.first, lines: reversed(from, to, amount) });
  /** Returns the lines in the order of the original: its payer comes first, who gets the money back. */
  const reversed = (from: string, to: string, amount: bigint): BookLine[] => [
    { account: to, amount },
    { account: from, amount: -amount },
  ];
  /** Writes three transfers between carol and bob. The middle one has a false sum in carol's entry. */
  const falseInTheMiddle = (falsely: BookLine['falsely'] & object): Act =>
    writes([
      transfer(A.bob, A.carol, 1n),
      transfer(A.bob, A.carol, 2n, {
        lines: [
          { account: A.bob, amount: -2n },
          { account: A.carol, amount: 2n, falsely },
        ],
      }),
      transfer(A.bob, A.carol, 3n),
    ]);

  const violations: [string, Act, string, () => string][] = [
    [
      'a false posted_after between the first and the last entry of an account in one block',
      falseInTheMiddle({ postedAfter: 123456789n }),
      'I2',
      () => 'has posted 123456789, debits',
    ],
    [
      'a false pending_debits_after in such an entry',
      falseInTheMiddle({ pendingDebitsAfter: 5n }),
      'I2',
      () => 'pending debits 5, pending credits',
    ],
    [
      'a false pending_credits_after in such an entry',
      falseInTheMiddle({ pendingCreditsAfter: 7n }),
      'I2',
      () => 'pending credits 7, but the entry before it leads to',
    ],
    [
      'a false total_debits_after in such an entry',
      falseInTheMiddle({ totalDebitsAfter: 9n }),
      'I2',
      () => 'debits 9, pending debits',
    ],
    [
      'a false root',
      writes([transfer(A.bob, A.carol, 1n)], FALSE),
      'I9',
      () => `its recorded root is ${FALSE.toString('hex')}`,
    ],
    [
      'a false digest under a matching root',
      writes([transfer(A.bob, A.carol, 1n, { falseDigest: FALSE })]),
      'I9',
      () => `its recorded digest is ${FALSE.toString('hex')}`,
    ],
    [
      'a balance that is below minBalance only inside a block',
      writes([transfer(A.bob, A.carol, 90_000n), transfer(A.carol, A.bob, 90_000n)]),
      'I6',
      () => `left account ${A.bob} at version`,
    ],
    [
      'a balance that is above maxBalance only inside a block',
      writes([transfer(A.carol, A.bob, 900_000n), transfer(A.bob, A.carol, 900_000n)]),
      'I6',
      () => 'outside its limits 0 to 100000.',
    ],
    [
      'a capture on accounts that are not those of the hold',
      async (db, writer) => {
        await placeHold(db, writer, A.carol, A.bob, 2000n);
        const moved = [...release(A.carol, A.bob, 2000n), ...lines(A.bob, A.carol, 2000n)];
        await writer.write(db, [{ type: 'CAPTURE', holdId: T.hold, lines: moved }]);
        await sql`update holds set captured = 3000, status = 'CAPTURED' where id = ${T.hold}`.execute(db);
      },
      'I7',
      () => `is a CAPTURE of hold ${T.hold}, and its line 1 moves account ${A.carol}`,
    ],
    [
      'a void on accounts that are not those of the hold',
      async (db, writer) => {
        await placeHold(db, writer, A.carol, A.bob, 2000n);
        await writer.write(db, [{ type: 'RELEASE', holdId: T.hold, lines: release(A.carol, A.bob, 2000n) }]);
        await sql`update holds set status = 'VOIDED' where id = ${T.hold}`.execute(db);
      },
      'I7',
      () => `is a RELEASE of hold ${T.hold}, and its line 1 moves account ${A.carol}`,
    ],
    [
      'a capture that releases more than it posts, of a hold that stays open',
      async (db, writer) => {
        const moved = [...release(A.alice, A.bob, 1500n), ...lines(A.alice, A.bob, 1n)];
        await writer.write(db, [{ type: 'CAPTURE', holdId: T.hold, lines: moved }]);
        await sql`update holds set captured = 1001 where id = ${T.hold}`.execute(db);
      },
      'I7',
      () => `Hold ${T.hold} of 3000 released 2500 and captured 1001.`,
    ],
    [
      'a release of a part of a hold that stays open',
      writes([() => ({ type: 'RELEASE', holdId: T.hold, lines: release(A.alice, A.bob, 500n) })]),
      'I7',
      () => `Hold ${T.hold} of 3000 released 1500 and captured 1000.`,
    ],
    [
      'a capture in the opposite direction',
      async (db, writer) => {
        const moved = [...release(A.alice, A.bob, 500n), ...lines(A.bob, A.alice, 500n)];
        await writer.write(db, [{ type: 'CAPTURE', holdId: T.hold, lines: moved }]);
        await sql`update holds set captured = 1500 where id = ${T.hold}`.execute(db);
      },
      'I7',
      () => `is a CAPTURE of hold ${T.hold}, and its line 3 moves account ${A.bob}`,
    ],
    [
      'an audit event that sets limits at a version that the account has not reached',
      (db) =>
        sql`insert into audit_events (ledger_id, action, subject_type, subject, before, after, request_id)
          select ledger_id, 'updateAccount', 'ACCOUNT', id, '{"minBalance":"0.00"}',
            '{"minBalance":"0.00","version":"999"}', 'r'
          from accounts where id = ${A.bob}`.execute(db),
      'I6',
      () => `sets limits of account ${A.bob} at version 999`,
    ],
    [
      'a transfer that is reversed twice',
      writes([reversalOfFirst(A.bob, A.alice, 100n), reversalOfFirst(A.bob, A.alice, 100n)]),
      'I7',
      () => `Line 1 of transaction ${T.first} moved -100, but its reversals moved 200.`,
    ],
    [
      'a transfer that is reversed from another account',
      writes([reversalOfFirst(A.carol, A.alice, 100n)]),
      'I7',
      () => `does not reverse line 2 of ${T.first}`,
    ],
    [
      'a reversal in the direction of its original',
      writes([reversalOfFirst(A.alice, A.bob, 100n)]),
      'I7',
      () => `does not reverse line 1 of ${T.first}`,
    ],
    [
      'a transfer with an original, as only a reversal has',
      writes([() => transfer(A.bob, A.alice, 100n, { reverses: T.first })]),
      'I7',
      () => `is a TRANSFER that reverses ${T.first}`,
    ],
    [
      'a hold with a captured amount above its captures',
      (db) => sql`update holds set captured = captured + 1 where id = ${T.hold}`.execute(db),
      'I2',
      () => `captured 1001, OPEN, but by the journal it is`,
    ],
    [
      'a hold that ended without a release',
      (db) => sql`update holds set status = 'VOIDED' where id = ${T.hold}`.execute(db),
      'I2',
      () => 'captured 1000, VOIDED, but by the journal it is',
    ],
    [
      'a hold without a transaction that placed it',
      (db) =>
        sql`insert into holds (id, ledger_id, from_account_id, to_account_id, currency, amount, created_at)
          select gen_random_uuid(), id, ${A.alice}, ${A.bob}, 'USD', 1, clock_timestamp() from ledgers`.execute(
          db,
        ),
      'I2',
      () => 'but by the journal it is missing.',
    ],
    [
      'PENDING entries without a hold',
      writes([place(A.bob, A.carol, 1n)]),
      'I2',
      () => 'is missing, but by the journal it is 1 USD',
    ],
    [
      'a release without a hold',
      writes([{ type: 'RELEASE', holdId: randomUUID(), lines: release(A.alice, A.bob, 1n) }]),
      'I2',
      () => 'is missing, but by the journal it is',
    ],
    [
      'an outcome under a key of an unknown account',
      writes([declineOf('00000000-0000-0000-0000-00000000dead', 'ACCOUNT_FROZEN', {})]),
      'I4',
      () => 'has a key of account 00000000-0000-0000-0000-00000000dead',
    ],
    [
      'a movement without a key',
      writes([transfer(A.bob, A.carol, 1n, { key: null })]),
      'I4',
      () => 'is a TRANSFER without a key',
    ],
    [
      'a transaction of an actor that does not exist',
      writes([transfer(A.bob, A.carol, 1n, { actor: NOBODY })]),
      'I10',
      () => `names the actor ${NOBODY}, which does not exist.`,
    ],
    [
      'a declined attempt of an actor that does not exist',
      writes([{ ...declineOf(A.carol, 'ACCOUNT_CLOSED', { account: A.closed }), actor: NOBODY }]),
      'I10',
      () => `names the actor ${NOBODY}, which does not exist.`,
    ],
    [
      'an expiry of an actor',
      async (db, writer) => {
        const hold = await placeHold(db, writer, A.carol, A.bob, 2n);
        await writer.write(db, [
          {
            type: 'RELEASE',
            holdId: hold,
            key: null,
            actor: ACTOR.key,
            lines: release(A.carol, A.bob, 2n),
          },
        ]);
        await sql`update holds set status = 'EXPIRED' where id = ${hold}`.execute(db);
      },
      'I10',
      () => `is an act of the ledger itself, but names the actor ${ACTOR.key}.`,
    ],
    [
      'an account of an actor that does not exist',
      (db) =>
        sql`insert into accounts (id, ledger_id, owner, kind, currency, side, actor)
          select gen_random_uuid(), id, 'eve', 'STANDARD', 'USD', 1, ${NOBODY} from ledgers`.execute(db),
      'I10',
      () => `names the actor ${NOBODY}, which does not exist.`,
    ],
    [
      'an external account of an actor',
      (db) =>
        sql`insert into accounts (id, ledger_id, owner, kind, currency, side, actor)
          select gen_random_uuid(), id, 'external', 'EXTERNAL', 'GBP', -1, ${ACTOR.key} from ledgers`.execute(
          db,
        ),
      'I10',
      () => `was created by the ledger itself, but names the actor ${ACTOR.key}.`,
    ],
    [
      'an audit event of an actor that does not exist',
      (db) =>
        sql`insert into audit_events (ledger_id, actor, action, subject_type, subject, request_id)
          select id, ${NOBODY}, 'closePeriod', 'LEDGER', id, 'r' from ledgers`.execute(db),
      'I10',
      () => `names the actor ${NOBODY}, which does not exist.`,
    ],
  ];

  test.each(violations)('%s', async (_, act, name, sentence) => {
    const breaches = await books.breachesAfter('service', act);
    expect(Object.keys(breaches), JSON.stringify(breaches, null, 2)).toEqual([name]);
    expect(Object.values(breaches).flat().join('\n')).toContain(sentence());
  });
});

async function placeHold(
  db: Database,
  writer: BookWriter,
  from: string,
  to: string,
  amount: bigint,
): Promise<string> {
  const [id = ''] = await writer.write(db, [place(from, to, amount)]);
  await sql`
    insert into holds (id, ledger_id, from_account_id, to_account_id, currency, amount, created_at)
    select t.id, t.ledger_id, ${from}, ${to}, 'USD', ${amount}, t.created_at from transactions t where t.id = ${id}`.execute(
    db,
  );
  return id;
}

/** Sets a minBalance of 0 with an audit event, as the service does. */
async function narrow(db: Database, account: string): Promise<void> {
  await sql`update accounts set min_balance = 0 where id = ${account}`.execute(db);
  await sql`
    insert into audit_events (ledger_id, action, subject_type, subject, before, after, request_id)
    select ledger_id, 'updateAccount', 'ACCOUNT', id, '{"minBalance":null}',
      json_build_object('minBalance', '0.00', 'version', version::text)::text, 'request'
    from accounts where id = ${account}`.execute(db);
}

describe('accepts:', () => {
  test('a text that was erased with its salt and replaced by its salted digest', async () => {
    const breaches = await books.breachesAfter('owner', async (db) => {
      const statements = [
        'set local session_replication_role = replica',
        `update entries e set description = null, description_digest = sha256(t.salt || convert_to(e.description, 'UTF8'))
           from transactions t where t.id = e.transaction_id and e.description is not null`,
        `update transactions set description_digest = sha256(salt || convert_to(description, 'UTF8')), description = null,
           metadata_digest = sha256(salt || convert_to(
             '{"":"","a":"ü","b":"\\"\\\\\\u0001\\u001f/","😀":"before them","\ue000":"after the surrogates"}', 'UTF8')),
           metadata = null, salt = null where id = '${T.deposit}'`,
        `update transactions set salt = null where id = '${T.journal}'`,
      ];
      for (const statement of statements) await sql.raw(statement).execute(db);
    });
    expect(breaches).toEqual({});
  });

  test('a limit that is broken only inside one transaction, since the state after it counts', async () => {
    const there = lines(A.bob, A.carol, 90_000n);
    const back = lines(A.carol, A.bob, 90_000n);
    const breaches = await books.breachesAfter('service', (db, writer) =>
      writer.write(db, [{ type: 'JOURNAL', lines: [...there, ...back] }]),
    );
    expect(breaches).toEqual({});
  });

  test('a limit that was narrowed after a block had ended outside the new limit', async () => {
    const breaches = await books.breachesAfter('service', async (db, writer) => {
      await writer.write(db, [transfer(A.carol, A.bob, 9n)]);
      await writer.write(db, [transfer(A.external, A.carol, 5000n)]);
      await narrow(db, A.carol);
    });
    expect(breaches).toEqual({});
  });

  test('a limit that was narrowed after a balance was outside the new limit inside a block', async () => {
    const breaches = await books.breachesAfter('service', async (db, writer) => {
      await writer.write(db, [transfer(A.carol, A.bob, 9n), transfer(A.external, A.carol, 5000n)]);
      await narrow(db, A.carol);
    });
    expect(breaches).toEqual({});
  });
});
