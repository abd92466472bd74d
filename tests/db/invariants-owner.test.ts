import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { Uuid } from '../../src/core/values/ids.ts';
import { A, ACTOR, T, useSampleBooks } from '../support/sample-books.ts';

const books = useSampleBooks();

describe('finds changes that the owner makes with the triggers disabled:', () => {
  const entry = (account: Uuid, transaction: Uuid) =>
    `account_id = '${account}' and transaction_id = '${transaction}'`;
  const of = (transaction: Uuid) => `transaction_id = '${transaction}'`;
  const id = (row: Uuid) => `id = '${row}'`;

  // The name of the change, its statements, the violated invariants, and a part of one of their sentences.
  const corruptions: [string, () => string[], string[], () => string][] = [
    [
      'the amount of an entry was changed',
      () => [`update entries set amount = amount - 1 where ${entry(A.alice, T.first)}`],
      ['I1', 'I2', 'I7', 'I9'],
      () => `Transaction ${T.first}: its POSTED entries in USD sum to -1.`,
    ],
    [
      'both amounts of a transaction were changed equally',
      () => [`update entries set amount = amount * 2 where ${of(T.first)}`],
      ['I2', 'I9'],
      () => `Entry 2 of account ${A.alice} has posted 9900`,
    ],
    [
      'amounts, sums and balances were all changed so that they agree',
      () =>
        [
          `update entries set amount = amount - sign(amount) where ${of(T.lone)}`,
          `update entries set posted_after = posted_after - case account_id when '${A.bob}' then -1 else 1 end,
           total_debits_after = total_debits_after - case account_id when '${A.bob}' then 1 else 0 end where ${of(T.lone)}`,
          `delete from entries where ${of(T.lone)} and amount = 0`,
        ]
          .slice(0, 0)
          .concat(
            `update entries set amount = 2 * amount, posted_after = posted_after + amount,
           total_debits_after = total_debits_after - least(amount, 0) where ${of(T.lone)}`,
            `update accounts a set posted = e.posted_after, total_debits = e.total_debits_after
           from entries e where e.account_id = a.id and e.version = a.version and e.${of(T.lone)}`,
          ),
      ['I9'],
      () => `Transaction ${T.lone}: its recorded digest is `,
    ],
    [
      'an entry was deleted',
      () => [`delete from entries where ${entry(A.alice, T.second)}`],
      ['I1', 'I2', 'I3', 'I7', 'I9'],
      () => `Transaction ${T.second} (POSTED) has an entry count of 2, but 1 entries`,
    ],
    [
      'all entries of a transaction were deleted',
      () => [`delete from entries where ${of(T.second)}`],
      ['I2', 'I3', 'I7', 'I9'],
      () => `Account ${A.alice} is at version`,
    ],
    [
      'a transaction was deleted without its entries',
      () => [`delete from transactions where ${id(T.second)}`],
      ['I7', 'I9'],
      () => `Transaction ${T.second} does not exist, but has 2 entries.`,
    ],
    [
      'a transaction was deleted with its entries',
      () => [`delete from transactions where ${id(T.second)}`, `delete from entries where ${of(T.second)}`],
      ['I2', 'I3', 'I9'],
      () => 'should have 3 transactions',
    ],
    [
      'the last transaction was deleted with its entries and its block, and the accounts were reset',
      () => [
        `update accounts a set version = a.version - 1, posted = posted - amount, total_debits = total_debits + least(amount, 0)
           from entries e where e.account_id = a.id and e.${of(T.lone)}`,
        `delete from entries where ${of(T.lone)}`,
        `delete from transactions where ${id(T.lone)}`,
        `delete from blocks where first_id = '${T.lone}'`,
      ],
      ['I9'],
      () => 'its head is block 5',
    ],
    [
      'a declined attempt was deleted',
      () => [`delete from transactions where ${id(T.declined)}`],
      ['I9'],
      () => 'but it has 5',
    ],
    [
      'a declined attempt was added inside a block',
      () => [
        `insert into transactions (id, ledger_id, type, entry_count, account_id, idempotency_key, request, outcome, facts,
           created_at, digest)
         select overlay(last_id::text placing 'fffff' from 32)::uuid, ledger_id, 'TRANSFER', 0, '${A.alice}', 'new',
           decode(repeat('00', 16), 'hex'), 'ACCOUNT_FROZEN', '{}', created_at, sha256('') from blocks where number = 2`,
        `update blocks set last_id = overlay(last_id::text placing 'fffff' from 32)::uuid where number = 2`,
      ],
      ['I9'],
      () => 'but it has 4',
    ],
    [
      'a transaction was added after all blocks',
      () => [
        `insert into transactions (id, ledger_id, type, entry_count, account_id, idempotency_key, request, outcome, facts,
           created_at, digest)
         select 'ffffffff-ffff-7fff-bfff-fffffffffff0', ledger_id, 'TRANSFER', 0, '${A.alice}', 'new',
           decode(repeat('00', 16), 'hex'), 'ACCOUNT_FROZEN', '{}', created_at, sha256('') from blocks where number = 2`,
      ],
      ['I9'],
      () => 'Transaction ffffffff-ffff-7fff-bfff-fffffffffff0 belongs to no block of ledger ',
    ],
    [
      'a transaction was added before all blocks',
      () => [
        `insert into transactions (id, ledger_id, type, entry_count, account_id, idempotency_key, request, outcome, facts,
           created_at, digest)
         select '00000000-0000-7000-8000-000000000000', ledger_id, 'TRANSFER', 0, '${A.alice}', 'new',
           decode(repeat('00', 16), 'hex'), 'ACCOUNT_FROZEN', '{}', created_at, sha256('') from blocks where number = 2`,
      ],
      ['I9'],
      () => 'Transaction 00000000-0000-7000-8000-000000000000 belongs to no block of ledger ',
    ],
    [
      'two transactions of a block were swapped',
      () => [
        `alter table transactions drop constraint transactions_pkey`,
        `update transactions set id = case id when '${T.first}' then '${T.second}'::uuid else '${T.first}' end
           where id in ('${T.first}', '${T.second}')`,
        `alter table entries drop constraint entries_transaction_id_line_ledger_id_key`,
        `update entries set transaction_id = case transaction_id when '${T.first}' then '${T.second}'::uuid else '${T.first}' end
           where transaction_id in ('${T.first}', '${T.second}')`,
      ],
      ['I9'],
      () => 'its recorded root is ',
    ],
    [
      'two lines of a transaction were swapped',
      () => [
        `update entries set line = 7 - line where ${of(T.first)}`,
        `update entries set line = line - 4 where ${of(T.first)}`,
      ],
      ['I9'],
      () => `Transaction ${T.first}: its recorded digest is `,
    ],
    [
      'an entry was moved to another transaction',
      () => [`update entries set transaction_id = '${T.second}', line = 3 where ${entry(A.alice, T.first)}`],
      ['I7', 'I9'],
      () => `Transaction ${T.second} (POSTED) has an entry count of 2, but 3 entries, with the lines 1 to 3.`,
    ],
    [
      'an entry was moved to another account',
      () => [`update entries set account_id = '${A.carol}', version = 99 where ${entry(A.bob, T.lone)}`],
      ['I2', 'I3', 'I9'],
      () => `Account ${A.carol} is at version `,
    ],
    [
      'an entry was moved to an unknown account',
      () => [
        `update entries set account_id = '00000000-0000-0000-0000-000000000001', version = 1 where ${entry(A.bob, T.lone)}`,
      ],
      ['I2', 'I3', 'I9'],
      () => 'Account 00000000-0000-0000-0000-000000000001 of ledger ',
    ],
    [
      'the type of an entry was changed',
      () => [`update entries set type = 'JOURNAL' where ${entry(A.bob, T.first)}`],
      ['I7'],
      () => `Transaction ${T.first} is a TRANSFER of `,
    ],
    [
      'the type of a transaction was changed',
      () => [`update transactions set type = 'JOURNAL' where ${id(T.first)}`],
      ['I7', 'I9'],
      () => `Transaction ${T.first} is a JOURNAL of `,
    ],
    [
      'the currency of an entry was changed',
      () => [`update entries set currency = 'EUR' where ${entry(A.bob, T.first)}`],
      ['I1', 'I2', 'I7', 'I9'],
      () => `of account ${A.bob} is in EUR, but the account is in USD.`,
    ],
    [
      'the layer of an entry was changed',
      () => [`update entries set layer = 'PENDING' where ${entry(A.bob, T.first)}`],
      ['I1', 'I2', 'I7', 'I9'],
      () => 'The PENDING entries in USD of ledger ',
    ],
    [
      'the createdAt of an entry was changed',
      () => [`update entries set created_at = created_at - interval '1 day' where ${entry(A.bob, T.first)}`],
      ['I3', 'I7'],
      () => `Entry 2 of account ${A.bob} was created at `,
    ],
    [
      'the createdAt of a transaction and its entries was changed',
      () => [
        `update transactions set created_at = created_at + interval '1 microsecond' where ${id(T.lone)}`,
        `update entries set created_at = created_at + interval '1 microsecond' where ${of(T.lone)}`,
        `update accounts set last_at = last_at + interval '1 microsecond'`,
      ],
      ['I9'],
      () => 'some have another createdAt',
    ],
    [
      'the effectiveAt of a transaction was changed',
      () => [`update transactions set effective_at = '2001-01-01T00:00:00Z' where ${id(T.backdated)}`],
      ['I7', 'I9'],
      () => `Transaction ${T.backdated} is a TRANSFER of `,
    ],
    [
      'the effectiveAt of an entry was changed',
      () => [`update entries set effective_at = '2001-01-01T00:00:00Z' where ${entry(A.bob, T.backdated)}`],
      ['I7'],
      () => 'effective at 2001-01-01 00:00:00+00 to 2020-02-29 12:00:00.000001+00.',
    ],
    [
      'an effectiveAt was added to an entry',
      () => [`update entries set effective_at = '2001-01-01T00:00:00Z' where ${entry(A.bob, T.first)}`],
      ['I7'],
      () => `Transaction ${T.first} is a TRANSFER of `,
    ],
    ...(
      [
        ['description', `description = 'Lohn für April'`],
        ['metadata', `metadata = metadata || '{"a": "u"}'`],
        ['salt', `salt = sha256(salt)`],
        ['key', `idempotency_key = 'another'`],
        ['key account', `account_id = '${A.carol}'`],
        ['externalId', `external_id = 'another'`],
        ['hold', `hold_id = '${randomUUID()}'`],
        ['actor', `actor = '${ACTOR.key}'`],
        ['digest', `digest = sha256(digest)`],
      ] as const
    ).map(([name, change]): (typeof corruptions)[number] => [
      `the ${name} of a transaction was changed`,
      () => [`update transactions set ${change} where ${id(T.deposit)}`],
      ['I9'],
      () => `Transaction ${T.deposit}: its recorded digest is `,
    ]),
    [
      'the actor of a transaction was erased',
      () => [`update transactions set actor = null where ${id(T.deposit)}`],
      ['I9'],
      () => `Transaction ${T.deposit}: its recorded digest is `,
    ],
    [
      'an actor was added to a transaction without one',
      () => [`update transactions set actor = '${ACTOR.key}' where ${id(T.first)}`],
      ['I9'],
      () => `Transaction ${T.first}: its recorded digest is `,
    ],
    [
      'the actor of a declined attempt was changed',
      () => [`update transactions set actor = '${ACTOR.token}' where ${id(T.declined)}`],
      ['I9'],
      () => `Transaction ${T.declined}: its recorded digest is `,
    ],
    [
      'the actor of a transaction was replaced by one that does not exist',
      () => [`update transactions set actor = '${A.bob}' where ${id(T.deposit)}`],
      ['I9', 'I10'],
      () => `Transaction ${T.deposit} names the actor ${A.bob}, which does not exist.`,
    ],
    [
      'the actor of an account was replaced by one that does not exist',
      () => [`update accounts set actor = '${A.bob}' where ${id(A.alice)}`],
      ['I10'],
      () => `Account ${A.alice} names the actor ${A.bob}, which does not exist.`,
    ],
    [
      'the actor of an API key was renamed',
      () => [`update actors set name = 'mallory' where ${id(ACTOR.key)}`],
      ['I10'],
      () => `Actor ${ACTOR.key} has the name "mallory", but its API key `,
    ],
    [
      'an API key was renamed',
      () => [`update api_keys set name = 'mallory'`],
      ['I10', 'I11'],
      () => `Actor ${ACTOR.key} has the name "shop", but its API key `,
    ],
    [
      'the actor of a token was renamed',
      () => [
        'alter table actors drop constraint actors_name_of_token',
        `update actors set name = 'mallory' where ${id(ACTOR.token)}`,
      ],
      ['I10'],
      () => `Actor ${ACTOR.token} has the name "mallory", but its subject is "alice é".`,
    ],
    [
      'the actor of a token became another subject',
      () => [
        'alter table actors drop constraint actors_id_is_digest',
        `update actors set subject = 'mallory', name = 'mallory' where ${id(ACTOR.token)}`,
      ],
      ['I10'],
      () => `Actor ${ACTOR.token} is TOKEN "mallory" of the issuer "https://issuer.example", whose id is `,
    ],
    [
      'the actor of a token got another issuer',
      () => [
        'alter table actors drop constraint actors_id_is_digest',
        `update actors set issuer = 'https://mallory.example' where ${id(ACTOR.token)}`,
      ],
      ['I10'],
      () => `Actor ${ACTOR.token} is TOKEN "alice é" of the issuer "https://mallory.example", whose id is `,
    ],
    [
      'the actor of an API key became that of the command line',
      () => [
        'alter table actors drop constraint actors_id_is_digest',
        `update actors set kind = 'CLI', subject = name where ${id(ACTOR.key)}`,
      ],
      ['I10'],
      () => `Actor ${ACTOR.key} is CLI "shop" of the issuer null, whose id is `,
    ],
    [
      'an actor of an API key was added without the key',
      () => [
        `insert into actors (id, kind, subject, name) values (actor_id('API_KEY', null, 'x'), 'API_KEY', 'x', 'x')`,
      ],
      ['I10'],
      () => 'is an API key with the id x, which does not exist.',
    ],
    [
      'an actor was deleted',
      () => [`delete from actors where ${id(ACTOR.token)}`],
      ['I10'],
      () => `Transaction ${T.deposit} names the actor ${ACTOR.token}, which does not exist.`,
    ],
    [
      'the actor of an API key was deleted',
      () => [`delete from actors where ${id(ACTOR.key)}`],
      ['I10'],
      () => `names the actor ${ACTOR.key}, which does not exist.`,
    ],
    [
      'an API key was attributed to another actor',
      () => [`update api_keys set actor = '${ACTOR.token}'`],
      ['I10'],
      () => `Actor ${ACTOR.key} is an API key with the id `,
    ],
    [
      'the reversed transaction of a transaction was changed',
      () => [`update transactions set reverses = '${randomUUID()}' where ${id(T.deposit)}`],
      ['I7', 'I9'],
      () => `Transaction ${T.deposit}: its recorded digest is `,
    ],
    [
      'the facts of a refusal were changed',
      () => [`update transactions set facts = '{"account": "${A.alice}"}' where ${id(T.declined)}`],
      ['I6', 'I9'],
      () => `Transaction ${T.declined}: its recorded digest is `,
    ],
    [
      'the code of a refusal was changed',
      () => [`update transactions set outcome = 'ACCOUNT_FROZEN' where ${id(T.declined)}`],
      ['I9'],
      () => `Transaction ${T.declined}: its recorded digest is `,
    ],
    [
      'the description of an entry was changed',
      () => [`update entries set description = 'stolen' where ${of(T.journal)} and description = 'sold'`],
      ['I9'],
      () => `Transaction ${T.journal}: its recorded digest is `,
    ],
    [
      'a salt was deleted without its text',
      () => [`update transactions set salt = null where ${id(T.deposit)}`],
      ['I9'],
      () => `Transaction ${T.deposit} has a text, but no salt of 16 bytes.`,
    ],
    [
      'the last block was deleted',
      () => ['delete from blocks where number = 5'],
      ['I9'],
      () => 'its head is block 5',
    ],
    [
      'a block in the middle was deleted',
      () => ['delete from blocks where number = 3'],
      ['I9'],
      () => 'in place of block 3.',
    ],
    [
      'the first block was deleted',
      () => ['delete from blocks where number = 1'],
      ['I9'],
      () => 'Block 2 of ledger ',
    ],
    [
      'a block was renumbered',
      () => ['update blocks set number = 7 where number = 5', 'update ledgers set block = 7'],
      ['I9'],
      () => 'in place of block 5.',
    ],
    [
      'the numbers of two blocks were swapped',
      () => [
        'update blocks set number = 9 where number = 2',
        'update blocks set number = 2 where number = 3',
        'update blocks set number = 3 where number = 9',
      ],
      ['I9'],
      () => 'its hash does not match the previous hash',
    ],
    [
      'the root of a block was changed',
      () => ['update blocks set root = sha256(root) where number = 2'],
      ['I9'],
      () => 'its recorded root is ',
    ],
    [
      'the hash of a block was changed',
      () => ['update blocks set hash = sha256(hash) where number = 2'],
      ['I9'],
      () => 'Block 3 of ledger ',
    ],
    [
      'the size of a block was changed',
      () => ['update blocks set size = size + 1 where number = 2'],
      ['I9'],
      () => 'but it has 3',
    ],
    [
      'the range of a block was extended into the next block',
      () => ['update blocks set last_id = (select first_id from blocks where number = 3) where number = 2'],
      ['I9'],
      () => 'Blocks 2 and 3 of ledger ',
    ],
    [
      'the range of a block was narrowed',
      () => [`update blocks set last_id = first_id where number = 2`],
      ['I9'],
      () => `Transaction ${T.third} belongs to no block of ledger `,
    ],
    [
      'the format of a block was changed',
      () => ['update blocks set format = 2 where number = 2'],
      ['I9'],
      () => 'unknown format 2',
    ],
    [
      'the head of a ledger was changed',
      () => [`update ledgers set head = sha256(head)`],
      ['I9'],
      () => 'its head is block 5',
    ],
    [
      'the head of a ledger was decreased',
      () => ['update ledgers set block = block - 1'],
      ['I9'],
      () => 'its head is block 4',
    ],
    ['a ledger was deleted', () => ['delete from ledgers'], ['I9', 'I11'], () => 'its last block is 5'],
    [
      'the balance of an account was changed',
      () => [`update accounts set posted = posted + 1 where ${id(A.alice)}`],
      ['I2'],
      () => `Account ${A.alice} has posted `,
    ],
    [
      'the pending sums of an account were changed',
      () => [`update accounts set pending_debits = pending_debits + 1 where ${id(A.alice)}`],
      ['I2'],
      () => `Account ${A.alice} has posted `,
    ],
    [
      'the total of debits of an account was changed',
      () => [`update accounts set total_debits = total_debits + 1 where ${id(A.alice)}`],
      ['I2'],
      () => `Account ${A.alice} has posted `,
    ],
    [
      'the version of an account was changed',
      () => [`update accounts set version = version - 1 where ${id(A.alice)}`],
      ['I3'],
      () => `Account ${A.alice} is at version `,
    ],
    [
      'the last_at of an account was decreased',
      () => [`update accounts set last_at = 'epoch' where ${id(A.alice)}`],
      ['I3'],
      () => `Account ${A.alice} has an entry of `,
    ],
    [
      'an account was deleted',
      () => [`delete from accounts where ${id(A.alice)}`],
      ['I2', 'I4', 'I11'],
      () => `which ledger `,
    ],
    [
      'an account was moved to another ledger',
      () => [`update accounts set ledger_id = gen_random_uuid() where ${id(A.alice)}`],
      ['I2', 'I3', 'I4', 'I11'],
      () => `Account ${A.alice} of ledger `,
    ],
    [
      'a key has two effects',
      () => [
        'alter table transactions drop constraint transactions_account_id_idempotency_key_ledger_id_key',
        `update transactions set idempotency_key = 'same' where id in ('${T.first}', '${T.second}')`,
      ],
      ['I4', 'I9'],
      () => `The key "same" of account ${A.alice} has 2 outcomes.`,
    ],
    [
      'an externalId has two posted transactions',
      () => [
        'drop index transactions_external_id',
        `update transactions set external_id = 'order 1' where ${id(T.third)}`,
      ],
      ['I4', 'I9'],
      () => 'The externalId "order 1" of ledger ',
    ],
    [
      'a key was removed',
      () => [`update transactions set idempotency_key = null, request = null where ${id(T.first)}`],
      ['I4', 'I9'],
      () => `Transaction ${T.first} is a TRANSFER without a key`,
    ],
    [
      'a balance is below its limit',
      () => [
        'alter table accounts drop constraint accounts_within_min',
        `update accounts set min_balance = 1000000 where ${id(A.alice)}`,
      ],
      ['I6'],
      () => `Account ${A.alice} has a balance of `,
    ],
    [
      'a balance is above its limit',
      () => [
        'alter table accounts drop constraint accounts_within_max',
        `update accounts set max_balance = 1 where ${id(A.alice)}`,
      ],
      ['I6'],
      () => 'outside its limits 0 to 1.',
    ],
    [
      'an account with money was closed',
      () => [
        'alter table accounts drop constraint accounts_closed_empty',
        `update accounts set status = 'CLOSED' where ${id(A.alice)}`,
      ],
      ['I6', 'I11'],
      () => `Account ${A.alice} is closed but not empty: posted `,
    ],
    [
      'a closed account was opened again',
      () => [`update accounts set status = 'OPEN' where ${id(A.closed)}`],
      ['I6', 'I11'],
      () => `Account ${A.closed} is OPEN, but transaction ${T.declined} was declined because it was closed.`,
    ],
    [
      'an external account was frozen',
      () => [
        'alter table accounts drop constraint accounts_external',
        `update accounts set status = 'FROZEN' where ${id(A.external)}`,
      ],
      ['I6', 'I11'],
      () => `External account ${A.external} is FROZEN`,
    ],
    [
      'the type of a transfer between customers was changed to DEPOSIT',
      () => [
        `update transactions set type = 'DEPOSIT' where ${id(T.first)}`,
        `update entries set type = 'DEPOSIT' where ${of(T.first)}`,
      ],
      ['I7', 'I9'],
      () =>
        `Transaction ${T.first} is a DEPOSIT, but has a POSTED entry on account ${A.alice} (STANDARD, CREDIT).`,
    ],
    [
      'the type of a transfer was changed to RELEASE',
      () => [
        `update transactions set type = 'RELEASE' where ${id(T.first)}`,
        `update entries set type = 'RELEASE' where ${of(T.first)}`,
      ],
      ['I2', 'I7', 'I9'],
      () => `Transaction ${T.first} is a RELEASE, but has a POSTED entry on account ${A.alice}`,
    ],
    [
      'the currency of an account was changed to an unknown one',
      () => [`update accounts set currency = 'GONE' where ${id(A.closed)}`],
      ['I1'],
      () => `Account ${A.closed} is in GONE, which ledger `,
    ],
    [
      'a currency of ISO 4217 was registered',
      () => [`insert into currencies (code, ledger_id, exponent) select 'EUR', id, 4 from ledgers`],
      ['I1', 'I11'],
      () => 'Currency EUR of ledger ',
    ],
    [
      'the amount of a hold was changed',
      () => [`update holds set amount = amount + 1 where ${id(T.hold)}`],
      ['I2'],
      () => `Hold ${T.hold} is 3001 USD`,
    ],
    [
      'the expiresAt of a hold was changed',
      () => [`update holds set expires_at = expires_at + interval '1 day' where ${id(T.hold)}`],
      ['I9'],
      () => `Transaction ${T.hold}: its recorded digest is `,
    ],
    [
      'a hold was deleted',
      () => [`delete from holds where ${id(T.hold)}`],
      ['I2', 'I9'],
      () => `Hold ${T.hold} is missing, but by the journal it is 3000 USD`,
    ],
    ...[
      `action = 'closeAccount'`,
      `actor = '${ACTOR.token}'`,
      `subject = '${A.bob}'`,
      `subject_type = 'LEDGER'`,
      `before = '{}'`,
      `after = null`,
      `idempotency_key = 'other'`,
      `request = request || '\\x00'`,
      `request_id = 'other'`,
      `created_at = created_at + interval '1 microsecond'`,
      `created_at = 'infinity'`,
      `hash = sha256('')`,
      `previous_hash = sha256('')`,
    ].map((change): [string, () => string[], string[], () => string] => [
      `an audit event was changed: ${change.replace(A.bob, 'bob')}`,
      () => [`update audit_events set ${change} where number = 2`],
      /^(subject|after) /.test(change) ? ['I9', 'I11'] : ['I9'],
      () => 'Audit event 2 of ledger ',
    ]),
    [
      'the last audit event was deleted',
      () => ['delete from audit_events where number = 4'],
      ['I9', 'I11'],
      () => 'its audit log ends at event 4 with the hash ',
    ],
    [
      'an audit event was deleted',
      () => ['delete from audit_events where number = 2'],
      ['I9'],
      () => 'is in the place of event 2.',
    ],
    [
      'all audit events were deleted',
      () => ['delete from audit_events'],
      ['I9', 'I11'],
      () => 'but its last event is  with the hash .',
    ],
    [
      'two audit events were swapped',
      () => [
        'update audit_events set number = 5 where number = 2',
        'update audit_events set number = 5 - number where number = 3',
        'update audit_events set number = 3 where number = 5',
      ],
      ['I9'],
      () => 'does not name the hash of the event before it.',
    ],
    [
      'an audit event was moved to another ledger',
      () => [`update audit_events set ledger_id = gen_random_uuid() where number = 3`],
      ['I9', 'I11'],
      () => 'its audit log ends at event',
    ],
    [
      'the head of the audit log was decreased',
      () => ['update audit_heads set number = 2, hash = (select hash from audit_events where number = 2)'],
      ['I9'],
      () => 'its audit log ends at event 2 with the hash ',
    ],
    [
      'the head of the audit log was deleted',
      () => ['delete from audit_heads'],
      ['I9'],
      () => 'its audit log ends at event  with the hash ,',
    ],
    [
      'a key of a change was recorded twice',
      () => [
        'drop index audit_events_key',
        `update audit_events set idempotency_key = 'one' where number = 2`,
      ],
      ['I4', 'I9'],
      () => `The key "one" of ${A.alice} has 2 audit events.`,
    ],
    [
      'the receiver of a hold was changed',
      () => [`update holds set to_account_id = '${A.carol}' where ${id(T.hold)}`],
      ['I2'],
      () => `to ${A.carol}`,
    ],
  ];

  test.each(corruptions)('%s', async (_, statements, names, sentence) => {
    const breaches = await books.breachesAfter('owner', async (db) => {
      await sql`set local session_replication_role = replica`.execute(db);
      for (const statement of statements()) await sql.raw(statement).execute(db);
    });
    expect(Object.keys(breaches), JSON.stringify(breaches, null, 2)).toEqual(names);
    expect(Object.values(breaches).flat().join('\n')).toContain(sentence());
  });
});

test('an invariant reports at most 20 sentences', async () => {
  const breaches = await books.breachesAfter('owner', async (db) => {
    await sql`set local session_replication_role = replica`.execute(db);
    await sql`update entries set posted_after = posted_after + version`.execute(db);
  });
  expect(Object.keys(breaches)).toEqual(['I2', 'I9']);
  expect(breaches['I2']).toHaveLength(20);
});
