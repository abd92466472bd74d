import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { ANYBODY, SCOPES } from '../../../src/core/access/viewer.ts';
import { toHold, toReversal } from '../../../src/core/decide/request.ts';
import {
  formatAuditEventId,
  formatEntryId,
  formatId,
  type IdKind,
  parseId,
} from '../../../src/core/values/ids.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { deposit, expectPosted, makeAccount } from '../../support/ledger.ts';

/** One object of each kind that has an id. */
export interface Objects {
  /** Two empty accounts without limits. */
  readonly accounts: readonly [string, string];
  /**
   * The ids of one object of each kind. The account has the entry and the audit event; the transaction is the deposit to it. The
   * actor has created another key.
   */
  readonly ids: Readonly<Record<IdKind, string>>;
  /** `ext:` names of the same objects. */
  readonly names: Readonly<Record<'account' | 'transaction' | 'hold', string>>;
  /** The idempotency key of the deposit. */
  readonly idempotencyKey: string;
}

export async function makeObjects(ledger: Ledger, owner = 'somebody'): Promise<Objects> {
  const name = (kind: string) => `${kind}-${randomUUID()}`;
  const make = (externalId?: string) =>
    makeAccount(ledger, { owner, minBalance: { unlimited: true }, ...(externalId && { externalId }) });
  const names = { account: name('account'), transaction: name('transaction'), hold: name('hold') };
  const idempotencyKey = randomUUID();

  const accounts = [await make(), await make()] as const;
  const account = await make(names.account);
  const posted = await deposit(ledger, {
    accountId: account,
    amount: '5.00',
    externalId: names.transaction,
    idempotencyKey,
  });
  expectPosted(posted);
  const transaction = formatId('transaction', posted.transaction.id);
  const reversal = toReversal({ transactionId: transaction, amount: '1.00', idempotencyKey: randomUUID() });
  const placing = toHold({
    fromAccountId: account,
    toAccountId: await make(),
    amount: '2.00',
    externalId: names.hold,
    idempotencyKey: randomUUID(),
  });
  if ('code' in reversal || 'code' in placing) throw new TypeError('the commands are valid');
  expectPosted(await ledger.post(reversal));
  const held = await ledger.post(placing);
  expectPosted(held);

  const key = await ledger.engine.access.createKey(
    ANYBODY,
    ledger.id,
    { name: name('key'), scopes: ['READ'] },
    randomUUID(),
  );
  if (key.code !== 'API_KEY_CREATED') throw new TypeError(`refused: ${key.code}`);
  const creator = { actor: key.apiKey.actor, scopes: new Set(SCOPES), allLedgers: false, owner: null };
  const { access } = ledger.engine;
  const second = { name: name('key'), scopes: ['READ'] } as const;
  expect(await access.createKey(creator, ledger.id, second, randomUUID())).toMatchObject({
    code: 'API_KEY_CREATED',
  });
  const accountUuid = parseId('account', account);
  expect(accountUuid).toBeDefined();
  const frozen = await ledger.changeAccount(account, { kind: 'FREEZE', idempotencyKey: null });
  const changed = await ledger.changeAccount(account, { kind: 'UNFREEZE', idempotencyKey: null });
  expect([frozen.code, changed.code]).toEqual(['UPDATED', 'UPDATED']);
  const changes = await access.listAuditEvents(
    ledger.id,
    { subject: accountUuid ?? '' },
    { limit: 1, inverted: false },
  );
  return {
    accounts,
    ids: {
      ledger: formatId('ledger', ledger.id),
      account,
      transaction,
      entry: formatEntryId(accountUuid ?? '', 1n),
      hold: formatId('hold', held.transaction.id),
      apiKey: formatId('apiKey', key.apiKey.id),
      actor: formatId('actor', key.apiKey.actor.id),
      auditEvent: formatAuditEventId(ledger.id, changes.rows[0]?.number ?? 0n),
    },
    names: {
      account: `ext:${names.account}`,
      transaction: `ext:${names.transaction}`,
      hold: `ext:${names.hold}`,
    },
    idempotencyKey,
  };
}

/** Returns an id of this kind that no object has. */
export function missingId(kind: IdKind): string {
  if (kind === 'entry') return formatEntryId(randomUUID(), 1n);
  return kind === 'auditEvent' ? formatAuditEventId(randomUUID(), 1n) : formatId(kind, randomUUID());
}
