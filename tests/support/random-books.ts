import fc from 'fast-check';
import { sql } from 'kysely';
import { blockIds, type Uuid } from '../../src/core/values/ids.ts';
import type { Metadata } from '../../src/core/values/text.ts';
import type { Database } from '../../src/db/postgres/database.ts';
import { type BookTransaction, BookWriter } from './books.ts';
import { lines, release } from './sample-books.ts';

export const OWNERS = ['alice', 'bob', 'Bob', 'ünï'];
const NAMES = [null, 'users:1', 'users:10', 'users:1:wallet', 'shops:1', 'Users:1', 'üser'];
export const METADATA: readonly Metadata[] = [
  {},
  { a: '1' },
  { a: '1', b: '2' },
  { a: '2', b: '2' },
  { 'ü ': '😀' },
];
/** The hold that captures and releases name. It does not exist: no list reads it. */
const HOLD = '00000000-0000-4000-8000-000000000001';
/** The present. The transactions take effect from days before to days after it. */
export const BEGIN = BigInt(Date.now()) * 1000n;
export const DAY = 86_400_000_000n;

/**
 * Writes 40 accounts and about 150 transactions of all kinds, with declined attempts among them. The seed determines the result.
 * Returns the accounts. The first is named `busiest` and takes part in half of the transactions.
 */
export async function writeRandomBooks(db: Database, seed: number): Promise<Uuid[]> {
  const pick = picker(seed);
  const { rows } = await sql<{ id: Uuid }>`select id from ledgers`.execute(db);
  const ledgerId = rows[0]?.id ?? '';
  const idAt = blockIds(BEGIN, 0n);
  const made = Array.from({ length: 40 }, (_, place) => {
    const isExternal = place === 1 || place === 2;
    const currency = place === 1 ? 'USD' : place === 2 ? 'EUR' : pick(['USD', 'EUR']);
    const name = place === 0 ? 'busiest' : isExternal ? null : pick(NAMES);
    return {
      id: idAt(place),
      ledger_id: ledgerId,
      owner: isExternal ? 'external' : pick(OWNERS),
      kind: isExternal ? 'EXTERNAL' : 'STANDARD',
      external_id: name === null || place === 0 ? name : `${name}:${place}`,
      currency: place === 0 ? 'USD' : currency,
      side: isExternal ? -1 : pick([1, 1, -1]),
      metadata: pick([null, ...METADATA.map((one) => JSON.stringify(one))]),
    };
  });
  await db.insertInto('accounts').values(made).execute();

  const currencies = new Map(made.map(({ id, currency }) => [id, { code: currency, exponent: 2 }]));
  const writer = new BookWriter(ledgerId, currencies);
  const inUsd = made.filter(({ currency }) => currency === 'USD').map(({ id }) => id);
  const external = made[1]?.id ?? '';
  const inside = inUsd.filter((id) => id !== external);
  const pair = (among = inUsd) => {
    const from = pick([among[0] ?? '', pick(among)]);
    return [from, pick(among.filter((id) => id !== from))] as const;
  };
  const holds: (readonly [Uuid, Uuid])[] = [];
  const write = (): BookTransaction => {
    const [from, to] = pair();
    const texts = {
      ...(pick([true, false]) ? { metadata: pick(METADATA) } : {}),
      ...(pick([true, false, false])
        ? { effectiveAt: BEGIN + BigInt(pick([-4, -3, -2, -1, 1, 2])) * DAY }
        : {}),
    };
    switch (pick(['plain', 'plain', 'journal', 'hold', 'end', 'decline'])) {
      case 'journal':
        // One account has several of its entries.
        return {
          type: 'JOURNAL',
          lines: [...lines(from, to, 30n), ...lines(from, pair()[1], 4n), ...lines(to, from, 7n)],
          ...texts,
        };
      case 'hold': {
        const held = pair(inside);
        holds.push(held);
        return {
          type: 'HOLD',
          lines: lines(...held, 10n).map((line) => ({ ...line, layer: 'PENDING' })),
          ...texts,
        };
      }
      case 'end': {
        const held = holds.pop();
        if (held === undefined) break;
        return pick([true, false])
          ? { type: 'RELEASE', holdId: HOLD, lines: release(...held, 10n), ...texts }
          : {
              type: 'CAPTURE',
              holdId: HOLD,
              lines: [...release(...held, 10n), ...lines(...held, 10n)],
              ...texts,
            };
      }
      case 'decline':
        return {
          type: 'TRANSFER',
          keyAccount: from,
          lines: [],
          outcome: 'ACCOUNT_FROZEN',
          facts: { account: to },
          ...texts,
        };
    }
    return pick([true, false])
      ? { type: 'TRANSFER', lines: lines(from, to, 25n), ...texts }
      : { type: 'DEPOSIT', lines: lines(external, pair(inside)[0], 25n), ...texts };
  };
  for (let block = 0; block < 75; block += 1) {
    const transactions = Array.from({ length: pick([1, 2, 3]) }, write);
    await db.transaction().execute((trx) => writer.write(trx, transactions));
  }
  await sql`update accounts set status = 'FROZEN' where kind = 'STANDARD' and ('x' || right(id::text, 1))::bit(4)::int % 3 = 0`.execute(
    db,
  );
  return made.map(({ id }) => id);
}

/** Returns a function that picks pseudo-randomly, determined by the seed. */
function picker(from: number): <T>(choices: readonly T[]) => T {
  const numbers = fc.sample(fc.noBias(fc.nat()), { seed: from, numRuns: 5000 }).values();
  return (choices) => choices[(numbers.next().value ?? 0) % choices.length] as (typeof choices)[number];
}
