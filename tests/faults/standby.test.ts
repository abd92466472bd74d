/** The synchronous standby does not respond. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, test } from 'vitest';
import { withTemporaryPostgres } from '../../scripts/temporary-postgres.ts';
import { toTransfer } from '../../src/core/decide/request.ts';
import type { Outcome } from '../../src/core/transaction.ts';
import { migrate } from '../../src/db/postgres/migrator.ts';
import { Engine } from '../../src/ledger/engine.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { expectSoundBooks, makeAccounts } from '../support/ledger.ts';

test('while it stalls no command is parked, and when it is back all are answered in order', {
  timeout: 60_000,
}, async () => {
  await withTemporaryPostgres(
    async ({ ownerUrl, serviceUrl }) => {
      await migrate(ownerUrl, () => {});
      const owner = new pg.Client({ connectionString: ownerUrl });
      await owner.connect();
      const configure = async (command: string, expected: string) => {
        await owner.query(command);
        await owner.query('select pg_reload_conf()');
        const setting = async () => {
          const { rows } = await owner.query<{ names: string }>(
            "select current_setting('synchronous_standby_names') as names",
          );
          return rows[0]?.names;
        };
        await expect.poll(setting, { interval: 5 }).toBe(expected);
        // The other sessions read the setting with their next message.
        await sleep(50);
      };
      const stall = () => configure("alter system set synchronous_standby_names = 'missing'", 'missing');
      const letGo = () => configure('alter system reset synchronous_standby_names', '');
      const ledgers = await Promise.all([0, 1].map(() => Engine.openMain({ databaseUrl: serviceUrl })));
      try {
        const [ledger] = ledgers;
        if (ledger === undefined) throw new TypeError('there are two ledgers');
        const [a, b] = await makeAccounts(ledger, 2, { minBalance: { unlimited: true } });
        const pay = (through: Ledger, idempotencyKey: string = randomUUID()) => {
          const input = { fromAccountId: a ?? '', toAccountId: b ?? '', amount: '1.00', idempotencyKey };
          const command = toTransfer(input);
          if ('code' in command) throw new TypeError(command.code);
          return through.post(command);
        };
        await stall();
        const answers: Promise<Outcome>[] = [];
        // Each is sent while the COMMIT of the one before waits, some by another service.
        for (let turn = 0; turn < 6; turn += 1) {
          answers.push(pay(ledgers[turn % 2] ?? ledger));
          await sleep(300);
        }
        expect(await Promise.race([...answers, sleep(1, 'none')])).toBe('none');
        await letGo();
        const outcomes = await Promise.all(answers);
        expect(outcomes.map(({ code }) => code)).toEqual(Array(6).fill('POSTED'));

        // If it stays away, callers receive UNAVAILABLE: the outcome is unknown.
        await stall();
        const keys = Array.from({ length: 6 }, () => randomUUID());
        const stalled = await Promise.all(keys.map((key, turn) => pay(ledgers[turn % 2] ?? ledger, key)));
        expect(new Set(stalled.map(({ code }) => code))).toEqual(new Set(['UNAVAILABLE']));
        await letGo();
        const again = await Promise.all(keys.map((key) => pay(ledger, key)));
        expect(again.map(({ code }) => code)).toEqual(Array(6).fill('POSTED'));
      } finally {
        await letGo();
        await Promise.all(ledgers.map((each) => each.close()));
        await owner.end();
      }
      await expectSoundBooks({ serviceUrl });
    },
    { isDurable: true },
  );
});
