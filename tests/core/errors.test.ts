import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  REFUSALS,
  type Refusal,
  type RefusalCode,
  type RefusalFacts,
  refuse,
} from '../../src/core/errors.ts';
import { messageOf } from '../../src/core/refusal-messages.ts';

const CONTRACT = readFileSync(new URL('../contract.graphql', import.meta.url), 'utf8');

/** Codes of the contract that no refusal has. */
const NOT_BUILT: readonly string[] = ['BALANCE_MONITOR_NOT_FOUND', 'JOURNAL_REWOUND', 'WEBHOOK_NOT_FOUND'];

interface Row {
  readonly step: number | null;
  readonly code: string;
  readonly recorded: boolean;
  readonly retryable: boolean;
}

/** Returns the contract's table of precedence, one row per cause. A row with many codes continues in lines whose step is empty. */
function contractRows(): Row[] {
  const start = CONTRACT.indexOf('# The order of precedence');
  const table = CONTRACT.slice(start, CONTRACT.indexOf('enum LedgerErrorCode')).replaceAll(
    /\n# \| {6}\|/g,
    '',
  );
  const rows = [
    ...table.matchAll(/^# \| (\d|any|–) +\|(.*)\| (yes|no|as it is) +\| (yes|no|as it is) +\|$/gm),
  ];
  return rows
    .flatMap(([, step, codes = '', recorded, retryable]) =>
      causesOf(codes).map((code) => ({
        step: step === 'any' || step === '–' ? null : Number(step),
        code,
        recorded: recorded === 'yes',
        retryable: retryable === 'yes',
      })),
    )
    .filter(({ code }) => !NOT_BUILT.includes(code))
    .sort((one, other) => (one.step ?? LAST) - (other.step ?? LAST));
}

/** The contract lists the codes of keys after its table. Their step orders them. */
const LAST = 8;

/** Sorts the rows without a step by code: they have no order. */
function inOrder(rows: readonly Row[]): Row[] {
  const anytime = rows.filter(({ step }) => step === null);
  return [
    ...rows.filter(({ step }) => step !== null),
    ...anytime.sort((one, other) => one.code.localeCompare(other.code)),
  ];
}

/** Returns the codes of a row. Texts in brackets and after a colon are explanations for the reader. */
function causesOf(codes: string): string[] {
  return codes
    .replaceAll(/\([^)]*\)/g, '')
    .replace(/:.*$/, '')
    .split(',')
    .map((code) => code.trim());
}

describe('the table of refusals', () => {
  test('equals the contract’s: code, step, recorded, retryable, and the order within a step', () => {
    const rows = Object.values(REFUSALS).map(({ step, code, recorded, retryable }) => ({
      step,
      code,
      recorded,
      retryable,
    }));
    expect(inOrder(rows)).toEqual(inOrder(contractRows()));
  });

  test('lists the steps in order', () => {
    const steps = Object.values(REFUSALS).map(({ step }) => step ?? Number.POSITIVE_INFINITY);
    expect(steps).toEqual([...steps].sort((one, other) => one - other));
  });

  test('gives all causes of a code the same recorded and retryable', () => {
    const rows: readonly Row[] = Object.values(REFUSALS);
    for (const { code, recorded, retryable } of rows) {
      for (const row of rows.filter((other) => other.code === code)) {
        expect({ recorded: row.recorded, retryable: row.retryable }).toEqual({ recorded, retryable });
      }
    }
  });

  test('has exactly the codes of LedgerErrorCode that are implemented', () => {
    const [, body = ''] = /enum LedgerErrorCode \{([^}]*)\}/.exec(CONTRACT) ?? [];
    const codes = body.trim().split(/\s+/).sort();
    const ours = new Set(Object.values(REFUSALS).map(({ code }) => code));
    expect([...ours, ...NOT_BUILT].sort()).toEqual(codes);
  });
});

const ID = '0190d5e8-7a2b-7c3d-8e4f-a5b6c7d8e9f0';
const USD = { code: 'USD', exponent: 2 };
const usd = (minor: bigint) => ({ minor, currency: USD });

/** Facts of every code, and texts that its message must contain. */
const EXAMPLES: { readonly [C in RefusalCode]: readonly [facts: RefusalFacts[C], shown: readonly string[]] } =
  {
    FORBIDDEN: [
      { needs: 'the scope POST', scopes: ['READ', 'MANAGE'] },
      ['needs the scope POST', 'has the scopes READ, MANAGE', 'Use a key'],
    ],
    RATE_LIMITED: [{ retryAfterMs: 250 }, ['250 ms', 'Nothing was done']],
    OVERLOADED: [{ retryAfterMs: 50 }, ['50 ms', 'Nothing was done']],
    INVALID_INPUT: [
      { field: 'operations[3].transfer.effectiveAt', problem: 'must be x' },
      ['operations[3].transfer.effectiveAt must be x.'],
    ],
    INVALID_AMOUNT: [{ field: 'amount', problem: 'must be above zero' }, ['amount must be above zero.']],
    ACCOUNT_NOT_FOUND: [{ accountId: 'acct_x' }, ['"acct_x"']],
    HOLD_NOT_FOUND: [{ holdId: 'hold_x' }, ['"hold_x"']],
    TRANSACTION_NOT_FOUND: [{ transactionId: 'ext:order "1"' }, ['"ext:order \\"1\\""', 'with the same key']],
    API_KEY_NOT_FOUND: [{ apiKeyId: 'key_x' }, ['"key_x"', 'Check the id']],
    IDEMPOTENCY_CONFLICT: [
      { differingFields: ['amount', 'toAccountId'], transaction: ID },
      ['amount, toAccountId', 'new key'],
    ],
    SAME_ACCOUNT: [{ accountId: 'acct_x' }, ['"acct_x"']],
    UNKNOWN_CURRENCY: [{ currency: 'XXY' }, ['"XXY"', 'register']],
    CURRENCY_MISMATCH: [{ expected: 'USD', given: 'EUR' }, ['USD and EUR']],
    UNBALANCED: [{ difference: usd(1n) }, ['0.01 USD']],
    UNSUPPORTED_ACCOUNT: [{ account: ID }, ['acct_']],
    NOT_REVERSIBLE: [{ transaction: ID }, ['txn_']],
    PERIOD_CLOSED: [{ closedBefore: 0n }, ['1970-01-01T00:00:00.000000Z']],
    EXTERNAL_ID_TAKEN: [{ takenBy: { kind: 'transaction', id: ID } }, ['txn_']],
    HOLD_EXPIRED: [{ hold: ID }, ['hold_']],
    HOLD_NOT_OPEN: [{ hold: ID }, ['hold_']],
    HOLD_AMOUNT_EXCEEDED: [
      { hold: ID, remaining: usd(100n), requested: usd(101n) },
      ['1.00 USD', '1.01 USD'],
    ],
    ALREADY_REVERSED: [{ transaction: ID }, ['txn_']],
    REVERSAL_AMOUNT_EXCEEDED: [{ remaining: usd(100n), requested: usd(101n) }, ['1.00 USD', '1.01 USD']],
    ACCOUNT_CLOSED: [{ account: ID }, ['acct_', 'final']],
    ACCOUNT_FROZEN: [{ account: ID }, ['acct_', 'Unfreeze']],
    CONDITION_FAILED: [
      {
        account: ID,
        condition: 'EXPECTED_VERSION',
        actualBalance: usd(-5n),
        actualAvailable: null,
        actualVersion: 7n,
      },
      ['EXPECTED_VERSION', 'acct_', '-0.05 USD', 'version 7'],
    ],
    INSUFFICIENT_FUNDS: [
      { account: ID, available: usd(10n), requested: usd(20n) },
      ['acct_', '0.10 USD', '0.20 USD'],
    ],
    BALANCE_LIMIT_EXCEEDED: [
      { account: ID, limit: usd(10n), resulting: usd(20n) },
      ['acct_', '0.10 USD', '0.20 USD'],
    ],
    ACCOUNT_NOT_EMPTY: [
      { account: ID, balance: usd(10n), openHolds: 2 },
      ['acct_', '0.10 USD', '2 open holds'],
    ],
    LIMIT_UNMET: [
      { limit: usd(1n), balance: usd(2n), held: usd(3n), incoming: usd(4n) },
      ['0.01 USD', '0.02 USD', '0.03 USD', '0.04 USD'],
    ],
    CURRENCY_TAKEN: [{ registered: { code: 'ETH', exponent: 18 } }, ['ETH', '18 decimals']],
    COUNTERPARTY: [{ account: ID }, ['acct_', 'cannot take part']],
    BATCH_ABORTED: [
      { index: 3, cause: refuse('accountNotFound', { accountId: 'acct_x' }) },
      ['Nothing of the batch was posted', 'operation 3', '"acct_x"'],
    ],
    UNAVAILABLE: [{}, ['outcome is unknown', 'same idempotency key']],
    INTERNAL: [{ faultId: '5c8e' }, ['Nothing was done', 'request id']],
  };

describe('a message', () => {
  test.each(Object.values(REFUSALS))(
    'of $code contains its facts and ends with a full stop',
    ({ code, recorded, retryable }) => {
      const [facts, shown] = EXAMPLES[code];
      const message = messageOf({ code, facts, recorded, retryable, replayed: false } as Refusal);
      for (const piece of shown) expect(message).toContain(piece);
      expect(message).toMatch(/^\S.*\.$/s);
      expect(message).not.toMatch(/undefined|null|NaN|\[object/);
      // The message of a recorded refusal says that the same key always returns it.
      expect(message.includes('To try again, use a new key')).toBe(recorded);
    },
  );

  test('of an externalId that another operation of the batch took names no account or transaction', () => {
    expect(
      messageOf({
        code: 'EXTERNAL_ID_TAKEN',
        facts: { takenBy: null },
        recorded: false,
        retryable: false,
        replayed: false,
      }),
    ).toBe(
      'The externalId is taken by another operation of this batch. Use a different one for each operation.',
    );
  });

  test('quotes only the beginning of a long id', () => {
    const message = messageOf({
      code: 'ACCOUNT_NOT_FOUND',
      facts: { accountId: 'x'.repeat(100_000) },
      recorded: false,
      retryable: false,
      replayed: false,
    });
    expect(message.length).toBeLessThan(200);
  });
});
