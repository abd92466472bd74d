import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkUnrestrictedKey,
  recordedKey,
  restrictCommand,
  shownKey,
} from '../../../src/core/access/restricted-commands.ts';
import { ANYBODY } from '../../../src/core/access/viewer.ts';
import {
  toCapture,
  toDeposit,
  toExpiry,
  toHold,
  toJournal,
  toReversal,
  toTransfer,
  toVoid,
  toWithdrawal,
} from '../../../src/core/decide/request.ts';
import { messageOf } from '../../../src/core/refusal-messages.ts';
import { checkName } from '../../../src/core/values/text.ts';
import { commandOf } from '../../support/ledger.ts';
import { restrictedTo } from '../../support/restricted.ts';

const ALICE = restrictedTo('alice');
const NOW = 1_769_860_800_123_456n;
const WEEK = 7n * 86_400_000_000n;

const MOVE = { idempotencyKey: 'k', amount: '1' };
const BETWEEN = { ...MOVE, fromAccountId: 'ext:a', toAccountId: 'ext:b' };
const transfer = (more: object = {}) => commandOf(toTransfer({ ...BETWEEN, ...more }));
const hold = (more: object = {}) => commandOf(toHold({ ...BETWEEN, expiresAt: NOW + WEEK, ...more }));
const entry = (accountId: string, side: 'DEBIT' | 'CREDIT') => ({ accountId, side, amount: '1' });
const restrict = (command: ReturnType<typeof transfer>) => restrictCommand(ALICE, command, NOW);

describe('a restricted caller', () => {
  it.for([
    ['a transfer', transfer()],
    ['a transfer on condition', transfer({ conditions: [{ accountId: 'ext:a', expectedVersion: 1n }] })],
    ['a hold of seven days', hold()],
    ['a hold in the past, which is refused later', hold({ expiresAt: NOW - 1n })],
  ] as const)('may post %s, within the ledger, under a key of its own kind', ([, command]) => {
    expect(restrict(command)).toEqual({ ...command, idempotencyKey: 'owner:k', isRestricted: true });
  });

  it.for([
    ['a deposit', commandOf(toDeposit({ ...MOVE, accountId: 'ext:a' }))],
    ['a withdrawal', commandOf(toWithdrawal({ ...MOVE, accountId: 'ext:a' }))],
    [
      'a journal',
      commandOf(
        toJournal({
          idempotencyKey: 'k',
          keyAccountId: 'ext:a',
          entries: [entry('ext:a', 'DEBIT'), entry('ext:b', 'CREDIT')],
        }),
      ),
    ],
    ['a reversal', commandOf(toReversal({ idempotencyKey: 'k', transactionId: 'ext:t' }))],
    ['a capture', commandOf(toCapture({ idempotencyKey: 'k', holdId: 'ext:h' }))],
    ['a void', commandOf(toVoid({ idempotencyKey: 'k', holdId: 'ext:h' }))],
    ['the expiry of a hold', toExpiry('0190d5e8-7a2b-7c3d-8e4f-a5b6c7d8e9f0')],
  ] as const)('may not post %s', ([, command]) => {
    const refusal = restrict(command);
    expect(refusal).toMatchObject({
      code: 'FORBIDDEN',
      recorded: false,
      facts: { scopes: ['READ', 'POST'] },
    });
    expect('code' in refusal && messageOf(refusal)).toContain('is not for callers restricted to an owner');
  });

  it.for([
    ['a transfer with an externalId', transfer({ externalId: 'x' }), 'an operation without externalId'],
    ['a hold with an externalId', hold({ externalId: 'x' }), 'an operation without externalId'],
    ['a hold without an expiry', hold({ expiresAt: null }), 'an expiresAt at most 7 days ahead'],
    ['a longer hold', hold({ expiresAt: NOW + WEEK + 1n }), 'an expiresAt at most 7 days ahead'],
    // FORBIDDEN comes before INVALID_INPUT.
    [
      'a longer hold with a long key',
      hold({ expiresAt: null, idempotencyKey: 'k'.repeat(250) }),
      'an expiresAt at most 7 days ahead',
    ],
  ] as const)('may not post %s, and the message says what is needed', ([, command, needed]) => {
    const refusal = restrict(command);
    expect(refusal).toMatchObject({ code: 'FORBIDDEN' });
    expect('code' in refusal && messageOf(refusal)).toContain(`it needs ${needed}`);
  });

  it('has keys of at most 249 bytes', () => {
    for (const key of ['k'.repeat(249), `${'é'.repeat(124)}k`, 'owner:k']) {
      expect(restrict(transfer({ idempotencyKey: key }))).toMatchObject({ idempotencyKey: `owner:${key}` });
    }
    for (const key of ['k'.repeat(250), 'é'.repeat(125)]) {
      const refusal = restrict(transfer({ idempotencyKey: key }));
      expect(refusal).toMatchObject({ code: 'INVALID_INPUT', facts: { field: 'idempotencyKey' } });
      expect('code' in refusal && messageOf(refusal)).toContain('at most 249 bytes');
    }
  });

  it('has keys that are valid, and that no other caller can have', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('k', 'é', '😀', '\0', ':', 'owner:'),
          minLength: 1,
          maxLength: 120,
        }),
        (idempotencyKey) => {
          const command = toTransfer({ ...BETWEEN, idempotencyKey });
          if ('code' in command) return;
          const restricted = restrict(command);
          if ('code' in restricted) return;
          expect(checkName(restricted.idempotencyKey ?? '')).toBeUndefined();
          expect(checkUnrestrictedKey(restricted)).toMatchObject({ code: 'INVALID_INPUT' });
          expect(shownKey(ALICE, restricted.idempotencyKey ?? '')).toBe(idempotencyKey);
        },
      ),
    );
  });
});

describe('a key', () => {
  it.for(['owner:', 'owner:k', 'owner:owner:k'])('%j is only for restricted callers', (idempotencyKey) => {
    expect(checkUnrestrictedKey(transfer({ idempotencyKey }))).toMatchObject({
      code: 'INVALID_INPUT',
      facts: { field: 'idempotencyKey' },
    });
  });

  it.for(['owner', 'Owner:k', ' owner:k', 'owner：k', 'own'])('%j is for others', (idempotencyKey) => {
    expect(checkUnrestrictedKey(transfer({ idempotencyKey }))).toBeUndefined();
  });

  it('is missing in a command of the ledger itself', () => {
    expect(checkUnrestrictedKey(toExpiry('0190d5e8-7a2b-7c3d-8e4f-a5b6c7d8e9f0'))).toBeUndefined();
  });

  it('is shown to a restricted caller as it was sent, once', () => {
    expect(shownKey(ALICE, recordedKey('k'))).toBe('k');
    expect(shownKey(ALICE, recordedKey('owner:k'))).toBe('owner:k');
    expect(shownKey(ALICE, 'k')).toBe('k');
    expect(shownKey(ANYBODY, recordedKey('k'))).toBe('owner:k');
  });
});
