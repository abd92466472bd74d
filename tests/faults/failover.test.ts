import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { withTemporaryPostgres } from '../../scripts/temporary-postgres.ts';
import { toAccountRequest } from '../../src/core/create-account.ts';
import { toTransfer } from '../../src/core/decide/request.ts';
import type { Outcome } from '../../src/core/transaction.ts';
import { migrate } from '../../src/db/postgres/migrator.ts';
import { Engine } from '../../src/ledger/engine.ts';
import { UnavailableError } from '../../src/ledger/ledger.ts';
import { createHealth } from '../../src/server/operations/health.ts';
import { asOwner } from '../support/database.ts';
import { balance, expectSoundBooks, makeAccounts } from '../support/ledger.ts';
import { withStandby } from '../support/standby.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const SESSIONS = `select from pg_stat_activity where application_name like 'transactional-ledger %'`;

function payment(accounts: readonly string[], idempotencyKey: string = randomUUID()) {
  const [fromAccountId = '', toAccountId = ''] = accounts;
  const command = toTransfer({ fromAccountId, toAccountId, amount: '1.00', idempotencyKey });
  if ('code' in command) throw new TypeError(command.code);
  return command;
}

/** Repeats a request while it receives UNAVAILABLE. */
async function untilAnswered<T extends { readonly code: string }>(post: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const outcome = await post();
    if (outcome.code !== 'UNAVAILABLE' || performance.now() > deadline) return outcome;
  }
}

test('after a failover the promoted standby is used, and no session of the old primary', {
  timeout: 90_000,
}, async () => {
  await withStandby(async ({ primary, standby }) => {
    const proxy = await startTcpProxy(primary.serviceUrl);
    const faults: string[] = [];
    const ledger = await Engine.openMain({
      databaseUrl: proxy.url,
      onUnreachable: (error) => faults.push((error as Error).message),
    });
    const health = createHealth({ engine: ledger.engine, draining: () => false });
    try {
      const accounts = await makeAccounts(ledger, 2, { minBalance: { unlimited: true } });
      const paid = Array.from({ length: 50 }, () => payment(accounts));
      const outcomes = await Promise.all(paid.map((command) => ledger.post(command)));
      expect(new Set(outcomes.map(({ code }) => code))).toEqual(new Set(['POSTED']));
      // Connections for large batches and for reads exist too.
      const large = Array.from({ length: 1000 }, () => payment(accounts));
      expect((await ledger.postBatch('ATOMIC', large)).code).toBe('PROCESSED');
      await Promise.all(Array.from({ length: 8 }, () => ledger.state()));
      expect(await health.readyz()).toMatchObject({ status: 200 });

      // The primary becomes read-only and keeps its sessions. Later connections lead to the standby.
      proxy.redirect(standby.serviceUrl);
      await asOwner(
        primary,
        'alter system set default_transaction_read_only = on',
        'select pg_reload_conf()',
      );
      // A session that reads the new setting was started after all others were signalled.
      await expect
        .poll(() => asOwner(primary, 'show default_transaction_read_only'))
        .toEqual([{ default_transaction_read_only: 'on' }]);
      const request = toAccountRequest({ owner: 'late', currency: 'USD', normalSide: 'CREDIT' });
      if ('code' in request) throw new TypeError(request.code);
      const late = payment(accounts);
      const another = [...large.slice(1), payment(accounts)];
      const waiting = ledger.postBatch('ATOMIC', another);
      const meanwhile = await Promise.all([
        ledger.post(late),
        ledger.createAccount(request),
        ledger.closePeriod({ before: BigInt(Date.now() - 60_000) * 1000n }),
      ]);
      expect(meanwhile.map(({ code }) => code)).toEqual(Array(3).fill('UNAVAILABLE'));
      await expect(ledger.state()).rejects.toThrow(UnavailableError);
      const { status, body } = await health.readyz();
      expect([status, String(body)]).toEqual([503, expect.stringContaining('The database is a standby')]);
      expect(health.livez().status).toBe(200);
      expect(faults).toContainEqual(expect.stringContaining('The database is a standby'));

      await asOwner(standby, 'select pg_promote()');
      expect(await untilAnswered(() => ledger.post(late))).toMatchObject({ code: 'POSTED', replayed: false });
      const again = await Promise.all(paid.map((command) => ledger.post(command)));
      expect(again).toEqual(outcomes.map((outcome) => ({ ...outcome, replayed: true })));
      expect((await waiting).code).toBe('UNAVAILABLE');
      expect(await untilAnswered(() => ledger.postBatch('ATOMIC', another))).toMatchObject({
        code: 'PROCESSED',
      });
      expect((await ledger.createAccount(request)).code).toBe('CREATED');
      expect(await balance(ledger, accounts[1] ?? '')).toBe(100n * BigInt(50 + 1000 + 1 + 1));
      await expect.poll(() => asOwner(primary, SESSIONS), { timeout: 15_000 }).toEqual([]);
      await expect.poll(async () => (await health.readyz()).status, { timeout: 5000 }).toBe(200);
      await expectSoundBooks(standby);
    } finally {
      await ledger.close();
      await proxy.close();
    }
  });
});

test('callers are served again after the server has ended all sessions, and after its crash recovery', {
  timeout: 60_000,
}, async () => {
  await withTemporaryPostgres(
    async (server) => {
      await migrate(server.ownerUrl, () => {});
      const ledger = await Engine.openMain({ databaseUrl: server.serviceUrl });
      try {
        const accounts = await makeAccounts(ledger, 2, { minBalance: { unlimited: true } });
        const codes = new Set<string>();
        const posted: Outcome[] = [];
        let isOver = false;
        const callers = Array.from({ length: 8 }, async () => {
          while (!isOver) {
            const outcome = await ledger.post(payment(accounts));
            codes.add(outcome.code);
            if (outcome.code === 'POSTED') posted.push(outcome);
          }
        });
        const untilMorePosted = async () => {
          const before = posted.length;
          await expect.poll(() => posted.length, { timeout: 20_000 }).toBeGreaterThan(before + 100);
        };
        await untilMorePosted();
        await asOwner(server, SESSIONS.replace('select', 'select pg_terminate_backend(pid)')); // 57P01
        await untilMorePosted();
        // The other sessions end with 57P02, and connections are refused with 57P03 during the recovery.
        const [session] = await asOwner<{ pid: number }>(server, SESSIONS.replace('select', 'select pid'));
        process.kill(session?.pid ?? Number.NaN, 'SIGKILL');
        await untilMorePosted();
        isOver = true;
        await Promise.all(callers);
        expect([...codes].filter((code) => code !== 'UNAVAILABLE')).toEqual(['POSTED']);
        expect(await balance(ledger, accounts[1] ?? '')).toBeGreaterThanOrEqual(100n * BigInt(posted.length));
      } finally {
        await ledger.close();
      }
      await expectSoundBooks(server);
    },
    { isDurable: true },
  );
});
