import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Command,
  differingFields,
  digestRequest,
  type Name,
  type PlannedCommand,
  plan,
} from '../../../src/core/decide/command.ts';
import {
  nameAccount,
  type TransferInput,
  toDeposit,
  toTransfer,
  toWithdrawal,
} from '../../../src/core/decide/request.ts';
import type { Refusal } from '../../../src/core/errors.ts';
import { formatId, type Uuid } from '../../../src/core/values/ids.ts';
import { Malformed } from '../../../src/core/values/text.ts';

const ALICE = '0190d5e8-7a2b-7c3d-8e4f-000000000001';
const BOB = '0190d5e8-7a2b-7c3d-8e4f-000000000002';
const EXTERNAL = '0190d5e8-7a2b-7c3d-8e4f-00000000000e';
const [alice, bob] = [ALICE, BOB].map((id) => formatId('account', id)) as [string, string];
const NAMES = new Map([
  ['alice', ALICE],
  ['bob', BOB],
]);

const TRANSFER: TransferInput = {
  fromAccountId: alice,
  toAccountId: bob,
  amount: '20',
  idempotencyKey: 'key',
};

function commandOf(result: Command | Refusal): Command {
  if ('facts' in result) throw new TypeError(`refused: ${result.code}`);
  return result;
}
const lookUpId = (name: Name): Uuid | undefined =>
  name.by === 'id' ? name.id : name.by === 'externalId' ? NAMES.get(name.externalId) : undefined;
function planned(command: Command | Refusal): PlannedCommand {
  const result = plan(
    commandOf(command),
    {
      account: lookUpId,
      external: () => EXTERNAL,
      target: () => undefined,
      salt: () => randomBytes(16),
    },
    null,
  );
  if ('facts' in result) throw new TypeError(`refused: ${result.code}`);
  return result;
}
const transfer = (changes: Partial<TransferInput> = {}) => planned(toTransfer({ ...TRANSFER, ...changes }));
/** Returns the fields in which a request differs from a recorded one. */
const differing = (first: Partial<TransferInput>, second: Partial<TransferInput>) =>
  differingFields(transfer(second).request, transfer(first).request.digest);

describe('the same request', () => {
  test.each<[string, Partial<TransferInput>, Partial<TransferInput>]>([
    ['is the same again', {}, {}],
    ['has its amount in other zeros', { amount: '20' }, { amount: '20.00' }],
    ['has its amount in leading zeros', { amount: '0.5' }, { amount: '00.50' }],
    [
      'has null instead of absent fields',
      {},
      { externalId: null, description: null, metadata: null, effectiveAt: null },
    ],
    ['says undefined for what is absent', {}, { externalId: undefined, effectiveAt: undefined }],
    ['names an account by its externalId', { fromAccountId: alice }, { fromAccountId: 'ext:alice' }],
    ['names the other one so', { toAccountId: 'ext:bob' }, { toAccountId: bob }],
    ['has the same externalId', { externalId: 'order 1' }, { externalId: 'order 1' }],
    ['has the same effectiveAt', { effectiveAt: 5n }, { effectiveAt: 5n }],
    // Texts are compared with the recorded texts: a digest of them would remain after their erasure.
    [
      'has other texts, which do not enter the digest',
      { description: 'a', metadata: { a: 'b' } },
      { description: 'c' },
    ],
    ['has another key, which is not part of the request', { idempotencyKey: 'a' }, { idempotencyKey: 'b' }],
  ])('%s', (_, first, second) => {
    expect(differing(first, second)).toEqual([]);
    expect(transfer(first).request.digest).toEqual(transfer(second).request.digest);
  });
});

describe('another request', () => {
  test.each<[Partial<TransferInput>, Partial<TransferInput>, string[]]>([
    [{}, { amount: '20.01' }, ['amount']],
    [{}, { toAccountId: formatId('account', EXTERNAL) }, ['toAccountId']],
    [{}, { fromAccountId: formatId('account', EXTERNAL) }, ['fromAccountId']],
    [{}, { fromAccountId: bob, toAccountId: alice }, ['fromAccountId', 'toAccountId']],
    [{}, { externalId: 'order 1' }, ['externalId']],
    [{ externalId: 'order 1' }, {}, ['externalId']],
    [{ externalId: 'order 1' }, { externalId: 'order 2' }, ['externalId']],
    [{}, { effectiveAt: 0n }, ['effectiveAt']],
    [{ effectiveAt: 0n }, { effectiveAt: 1n }, ['effectiveAt']],
    [{}, { amount: '1', externalId: 'e', effectiveAt: 1n }, ['amount', 'externalId', 'effectiveAt']],
    [{ toAccountId: 'ext:bob' }, { toAccountId: 'ext:unknown' }, ['toAccountId']],
    [{ toAccountId: 'ext:unknown' }, { toAccountId: 'ext:other' }, ['toAccountId']],
  ])('than %o is %o, and it differs in %o', (first, second, fields) => {
    expect(differing(first, second)).toEqual(fields);
  });

  test('is one with the texts of two fields swapped', () => {
    const one = digestRequest('TRANSFER', [
      ['a', 'x'],
      ['b', null],
    ]);
    const other = digestRequest('TRANSFER', [
      ['a', null],
      ['b', 'x'],
    ]);
    expect(differingFields(other, one.digest)).toEqual(['a', 'b']);
  });

  test('is one with the same fields but another type', () => {
    const input = { accountId: alice, amount: '1', idempotencyKey: 'key' };
    const [deposit, withdrawal] = [planned(toDeposit(input)), planned(toWithdrawal(input))];
    expect(deposit.request.digest.subarray(0, 16)).not.toEqual(withdrawal.request.digest.subarray(0, 16));
  });

  test('differs in every field if the checksums are equal by chance', () => {
    // These two texts have the same CRC-32.
    const [one, other] = ['plumless', 'buckeroo'].map((text) =>
      digestRequest('TRANSFER', [
        ['a', text],
        ['b', 'c'],
      ]),
    );
    if (one === undefined || other === undefined) throw new TypeError('two texts, two digests');
    expect(one.digest.subarray(16)).toEqual(other.digest.subarray(16));
    expect(differingFields(one, other.digest)).toEqual(['a', 'b']);
  });
});

describe('the digest of a request', () => {
  const fields = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1 }), fc.option(fc.string())), {
    selector: ([name]) => name,
    maxLength: 6,
  });

  test('has 16 bytes, and 4 bytes per field', () => {
    fc.assert(
      fc.property(fields, (given) => {
        expect(digestRequest('KIND', given).digest).toHaveLength(16 + 4 * given.length);
      }),
    );
  });

  test('compares the same after an optional field is added to the input', () => {
    fc.assert(
      fc.property(fields, fc.string(), (given, value) => {
        const before = digestRequest('KIND', given);
        const after = digestRequest('KIND', [...given, ['added later', null]]);
        expect(differingFields(after, before.digest)).toEqual([]);
        const used = digestRequest('KIND', [...given, ['added later', value]]);
        // The empty text has the same checksum as an absent field.
        expect(differingFields(used, before.digest)).toContain('added later');
      }),
      { examples: [[[], '']] },
    );
  });

  test('names exactly the fields that changed', () => {
    fc.assert(
      fc.property(fields, fc.infiniteStream(fc.boolean()), (given, changes) => {
        const changed = given.filter(() => changes.next().value);
        const other = given.map(([name, value]): [string, string | null] => [
          name,
          changed.some(([one]) => one === name) ? `${value ?? ''} and more` : value,
        ]);
        const differ = differingFields(digestRequest('KIND', other), digestRequest('KIND', given).digest);
        expect(differ).toEqual(changed.map(([name]) => name));
      }),
    );
  });

  test('depends on the order and the names of the fields that are present', () => {
    const digests = [
      [
        ['a', '1'],
        ['b', '2'],
      ] as const,
      [
        ['b', '2'],
        ['a', '1'],
      ] as const,
      [
        ['a', '2'],
        ['b', '1'],
      ] as const,
      [
        ['a', '1"],["b'],
        ['b', '2'],
      ] as const,
    ].map((given) => digestRequest('KIND', given).digest.subarray(0, 16).toString());
    expect(new Set(digests).size).toBe(4);
  });
});

describe('an input', () => {
  test.each<[Partial<TransferInput>, string, string]>([
    [{ idempotencyKey: '' }, 'INVALID_INPUT', 'idempotencyKey'],
    [{ idempotencyKey: 'k'.repeat(256) }, 'INVALID_INPUT', 'idempotencyKey'],
    [{ idempotencyKey: 'a\0' }, 'INVALID_INPUT', 'idempotencyKey'],
    [{ externalId: '' }, 'INVALID_INPUT', 'externalId'],
    [{ description: 'd'.repeat(1001) }, 'INVALID_INPUT', 'description'],
    [{ metadata: new Malformed('must be an object') }, 'INVALID_INPUT', 'metadata'],
    [{ metadata: { a: '\ud800' } }, 'INVALID_INPUT', 'metadata'],
    [{ effectiveAt: new Malformed('must be an instant') }, 'INVALID_INPUT', 'effectiveAt'],
    [{ amount: 'ten' }, 'INVALID_AMOUNT', 'amount'],
    [{ amount: new Malformed('must be a text') }, 'INVALID_AMOUNT', 'amount'],
    [{ amount: '0' }, 'INVALID_AMOUNT', 'amount'],
    [{ amount: '-1' }, 'INVALID_AMOUNT', 'amount'],
    // The order of precedence: shapes before amounts, and the fields in the order of the input.
    [{ amount: 'ten', effectiveAt: new Malformed('x') }, 'INVALID_INPUT', 'effectiveAt'],
    [{ idempotencyKey: '', externalId: '' }, 'INVALID_INPUT', 'idempotencyKey'],
    [{ metadata: new Malformed('x'), effectiveAt: new Malformed('x') }, 'INVALID_INPUT', 'metadata'],
  ])('of %o answers %s, naming %s', (changes, code, field) => {
    const path = 'operations[2].transfer.';
    expect(toTransfer({ ...TRANSFER, ...changes })).toMatchObject({ code, facts: { field } });
    expect(toTransfer({ ...TRANSFER, ...changes }, path)).toMatchObject({
      code,
      facts: { field: path + field },
    });
    const { fromAccountId: accountId, ...rest } = { ...TRANSFER, ...changes };
    expect(toDeposit({ ...rest, accountId })).toMatchObject({ code, facts: { field } });
    expect(toWithdrawal({ ...rest, accountId })).toMatchObject({ code, facts: { field } });
  });

  test('with empty metadata has none', () => {
    expect(commandOf(toTransfer({ ...TRANSFER, metadata: {} })).metadata).toBeNull();
  });

  test('of a transfer debits from and credits to', () => {
    expect(transfer().legs.map(({ account, side }) => [account.id, side])).toEqual([
      [ALICE, 'DEBIT'],
      [BOB, 'CREDIT'],
    ]);
  });

  test('of a deposit debits the external account, and of a withdrawal credits it', () => {
    const input = { accountId: alice, amount: '1', idempotencyKey: 'key' };
    expect(planned(toDeposit(input)).legs.map(({ account, side }) => [account.id, side])).toEqual([
      [EXTERNAL, 'DEBIT'],
      [ALICE, 'CREDIT'],
    ]);
    expect(planned(toWithdrawal(input)).legs.map(({ account, side }) => [account.id, side])).toEqual([
      [ALICE, 'DEBIT'],
      [EXTERNAL, 'CREDIT'],
    ]);
  });

  test('whose key account does not exist is refused with ACCOUNT_NOT_FOUND and the given name', () => {
    const command = commandOf(toTransfer({ ...TRANSFER, fromAccountId: 'ext:unknown' }));
    expect(
      plan(
        command,
        {
          account: lookUpId,
          external: () => EXTERNAL,
          target: () => undefined,
          salt: () => randomBytes(16),
        },
        null,
      ),
    ).toMatchObject({
      code: 'ACCOUNT_NOT_FOUND',
      facts: { accountId: 'ext:unknown' },
    });
  });

  test('has a salt only if it has a text', () => {
    expect(transfer().salt).toBeNull();
    expect(transfer({ description: 'a' }).salt).toHaveLength(16);
    expect(transfer({ metadata: { a: 'b' } }).salt).toHaveLength(16);
  });
});

describe("an account's name", () => {
  test.each([
    [alice, { by: 'id', id: ALICE }],
    ['ext:order:42', { by: 'externalId', externalId: 'order:42' }],
    ['ext:ext:x', { by: 'externalId', externalId: 'ext:x' }],
    ['ext:', { by: 'nothing' }],
    ['ext:a\0', { by: 'nothing' }],
    [`ext:${'x'.repeat(256)}`, { by: 'nothing' }],
    ['', { by: 'nothing' }],
    [ALICE, { by: 'nothing' }],
    [formatId('transaction', ALICE), { by: 'nothing' }],
    [alice.toUpperCase(), { by: 'nothing' }],
  ])('%j is read as %o', (given, name) => {
    expect(nameAccount(given)).toEqual({ ...name, given });
  });
});
