import { describe, expect, it } from 'vitest';
import { CHECK, demandUnchanged, openBooks, pay, SECOND, UNIQUE } from '../support/attack.ts';
import { buildBlock, postBlock } from '../support/block.ts';

const books = await openBooks();
const { client, cash, alice, bob, closed } = books;

await client.query(
  `insert into holds (id, ledger_id, from_account_id, to_account_id, currency, amount, created_at)
   select gen_random_uuid(), ledger_id, id, id, currency, 50, clock_timestamp() from accounts where id = $1`,
  [alice],
);
await client.query('update holds set captured = 20');

const newAccount = (columns: string, values: string, owner = columns.includes('kind') ? 'external' : 'dan') =>
  `insert into accounts (id, ledger_id, owner, currency, side, ${columns})
   select gen_random_uuid(), ledger_id, '${owner}', 'USD', -1, ${values} from accounts where id = '${alice}'`;
const newHold = (amount: string, expiresAt: string, createdAt: string) =>
  `insert into holds (id, ledger_id, from_account_id, to_account_id, currency, amount, expires_at, created_at)
   select gen_random_uuid(), ledger_id, id, id, currency, ${amount}, ${expiresAt}, ${createdAt}
   from accounts where id = '${alice}'`;
const alter = (account: string, change: string) => `update accounts set ${change} where id = '${account}'`;

describe('where the service may write, the database rejects', () => {
  demandUnchanged(books);

  it.for<readonly [name: string, sql: string, constraint: string, code?: string]>([
    ['a minimum that the balance breaks', alter(alice, 'min_balance = posted + 1'), 'accounts_within_min'],
    ['a maximum that the balance breaks', alter(alice, 'max_balance = posted - 1'), 'accounts_within_max'],
    ['a minimum NaN', alter(bob, `min_balance = 'NaN'`), 'accounts_limits_are_numbers'],
    ['a maximum NaN', alter(bob, `max_balance = 'NaN'`), 'accounts_limits_are_numbers'],
    ['a limit of an external account', alter(cash, 'max_balance = 5000'), 'accounts_external'],
    ['a frozen external account', alter(cash, `status = 'FROZEN'`), 'accounts_external'],
    ['an external account with an externalId', alter(cash, `external_id = 'cash'`), 'accounts_external'],
    ['an unknown status', alter(alice, `status = 'MINE'`), 'accounts_status_check'],
    ['a closed account with a balance', alter(alice, `status = 'CLOSED'`), 'accounts_closed_empty'],
    ['reopening a closed account as OPEN', alter(closed, `status = 'OPEN'`), 'accounts_closed_for_good'],
    ['reopening a closed account as FROZEN', alter(closed, `status = 'FROZEN'`), 'accounts_closed_for_good'],
    ['a second external account', newAccount('kind', `'EXTERNAL'`), 'accounts_external_currency', UNIQUE],
    [
      'an external account with limits',
      newAccount('kind, max_balance', `'EXTERNAL', 1`),
      'accounts_external',
    ],
    [
      'an account of a user with the owner external',
      newAccount('min_balance', '0', 'external'),
      'accounts_owner_not_external',
    ],
    ['an account that starts below its minimum', newAccount('min_balance', '1'), 'accounts_within_min'],
    ['an account that starts above its maximum', newAccount('max_balance', '-1'), 'accounts_within_max'],
    [
      'an account in a currency that does not exist',
      newAccount('min_balance', 'null').replace(`'USD'`, `'GONE'`),
      'accounts_currency_exists',
    ],
    [
      'registering a currency of ISO 4217',
      `insert into currencies (code, ledger_id, exponent) select 'EUR', id, 4 from ledgers`,
      'currencies_not_iso',
    ],
    ['a lower captured amount', 'update holds set captured = captured - 1', 'holds_forward'],
    [
      'a captured amount above the hold’s amount',
      'update holds set captured = amount + 1',
      'holds_captured_within',
    ],
    ['a captured amount of NaN', `update holds set captured = 'NaN'`, 'holds_captured_within'],
    ['a hold of NaN', newHold(`'NaN'`, 'null', 'now()'), 'holds_amount_check'],
    ['a hold of zero', newHold('0', 'null', 'now()'), 'holds_amount_check'],
    ['a hold that expires at infinity', newHold('1', `'infinity'`, 'now()'), 'holds_readable_times'],
    ['a hold created at -infinity', newHold('1', 'null', `'-infinity'`), 'holds_readable_times'],
    [
      'a period closed in the future',
      `update ledgers set closed_before = now() + interval '1 minute'`,
      'ledgers_closed_forward',
    ],
    [
      'a period closed less than 5 seconds ago',
      `update ledgers set closed_before = clock_timestamp() - interval '4.9 seconds'`,
      'ledgers_closed_forward',
    ],
    [
      'a period closed at infinity',
      `update ledgers set closed_before = 'infinity'`,
      'ledgers_closed_forward',
    ],
    [
      'a period closed at -infinity',
      `update ledgers set closed_before = '-infinity'`,
      'ledgers_closed_forward',
    ],
  ])('%s', async ([, sql, constraint, code = CHECK]) => {
    await expect(client.query(sql)).rejects.toMatchObject({ code, constraint });
  });

  it('a limit of Infinity', async () => {
    await expect(client.query(alter(alice, `max_balance = 'Infinity'`))).rejects.toMatchObject({
      code: '22003',
    });
  });

  it('changing or removing the externalId of an account', async () => {
    await client.query('begin');
    await client.query(alter(alice, `external_id = 'alice'`));
    await refusesEach('accounts_external_id_once', [
      alter(alice, `external_id = 'somebody'`),
      alter(alice, 'external_id = null'),
    ]);
  });

  it('any change of a hold that has ended', async () => {
    await client.query('begin');
    await client.query(`update holds set status = 'VOIDED'`);
    await refusesEach('holds_forward', [
      `update holds set status = 'OPEN'`,
      `update holds set status = 'CAPTURED'`,
      'update holds set captured = captured + 1',
    ]);
  });

  it('reopening a period, and a block in a closed period', async () => {
    await client.query('begin');
    await client.query(`update ledgers set closed_before = clock_timestamp() - interval '5 seconds'`);
    await refusesEach('ledgers_closed_forward', [
      `update ledgers set closed_before = closed_before - interval '1 microsecond'`,
      'update ledgers set closed_before = null',
    ]);
    const block = await buildBlock(client, [{ ...pay(alice, bob, 1n), effectiveAt: SECOND }]);
    await expect(postBlock(client, block)).rejects.toMatchObject({ constraint: 'period_open' });
  });
});

/** Expects that the database rejects each statement. Needs an open transaction. */
async function refusesEach(constraint: string, statements: readonly string[]): Promise<void> {
  for (const sql of statements) {
    await client.query('savepoint before');
    await expect(client.query(sql), sql).rejects.toMatchObject({ code: CHECK, constraint });
    await client.query('rollback to before');
  }
}
