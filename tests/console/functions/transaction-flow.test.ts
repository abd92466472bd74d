import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromMinor, toMinor } from '../../../src/client/index.ts';
import type { Entry, Party } from '../../../src/console/data/transactions.ts';
import { flowsOf, isPictured, type Leg, sumOf } from '../../../src/console/parts/flow/flow.ts';
import { layOutTall, layOutWide, type Picture } from '../../../src/console/parts/flow/layout.ts';

const EXPONENTS = new Map([
  ['EUR', 2],
  ['USD', 2],
  ['JPY', 0],
]);

function party(name: string, currency = 'EUR'): Party {
  return {
    accountId: name,
    owner: name,
    externalId: null,
    currency,
    kind: 'STANDARD',
    normalSide: 'CREDIT',
  };
}

type Given = readonly [
  account: string,
  side: 'DEBIT' | 'CREDIT',
  amount: string,
  layer?: 'POSTED' | 'PENDING',
  currency?: string,
];

/** Returns a transaction with these entries, after which each account has 100 and holds 7. */
function moved(given: readonly Given[], type: 'TRANSFER' | 'HOLD' | 'CAPTURE' | 'JOURNAL' = 'JOURNAL') {
  const entries = given.map(
    ([account, side, amount, layer = 'POSTED', currency = 'EUR'], place): Entry => ({
      id: `ent_${place}`,
      account: { id: account },
      side,
      layer,
      amount: { amount, currency },
      balanceAfter: { amount: '100.00', currency },
      heldAfter: { amount: '7.00', currency },
      version: String(place),
      description: null,
      effectiveAt: '2026-01-01T00:00:00Z',
      createdAt: '2026-01-01T00:00:00Z',
    }),
  );
  const names = new Map(given.map(([account, , , , currency = 'EUR']) => [account, currency]));
  return { type, entries, parties: [...names].map(([name, currency]) => party(name, currency)) };
}

const inShort = (legs: readonly Leg[]) =>
  legs.map(({ party: who, money }) => `${who?.owner ?? 'others'} ${money.amount}`);

describe('flows', () => {
  test('the debited account pays, and the credited one receives', () => {
    const [flow, ...more] = flowsOf(
      moved([
        ['alice', 'DEBIT', '31.00'],
        ['shop', 'CREDIT', '31.00'],
      ]),
      EXPONENTS,
    );
    expect(more).toEqual([]);
    expect(flow).toMatchObject({ kind: 'posted', currency: 'EUR' });
    expect([flow?.from, flow?.to].map((legs) => inShort(legs ?? []))).toEqual([
      ['alice 31.00'],
      ['shop 31.00'],
    ]);
    expect(flow?.from[0]?.after).toEqual({ amount: '100.00', currency: 'EUR' });
  });

  test('entries of one account and side are summed exactly, beyond what a number holds', () => {
    const [flow] = flowsOf(
      moved([
        ['alice', 'DEBIT', '90071992547409.93'],
        ['alice', 'DEBIT', '0.01'],
        ['shop', 'CREDIT', '90071992547409.94'],
      ]),
      EXPONENTS,
    );
    expect(inShort(flow?.from ?? [])).toEqual(['alice 90071992547409.94']);
  });

  test('an account that pays and receives is on both sides, and nothing is netted', () => {
    const [flow] = flowsOf(
      moved([
        ['desk', 'DEBIT', '10.00'],
        ['desk', 'CREDIT', '4.00'],
        ['shop', 'CREDIT', '6.00'],
      ]),
      EXPONENTS,
    );
    expect(inShort(flow?.from ?? [])).toEqual(['desk 10.00']);
    expect(inShort(flow?.to ?? [])).toEqual(['desk 4.00', 'shop 6.00']);
  });

  test('each currency has a flow of its own', () => {
    const flows = flowsOf(
      moved([
        ['alice', 'DEBIT', '160.80'],
        ['desk', 'CREDIT', '160.80'],
        ['desk yen', 'DEBIT', '2600', 'POSTED', 'JPY'],
        ['alice yen', 'CREDIT', '2600', 'POSTED', 'JPY'],
      ]),
      EXPONENTS,
    );
    expect(flows.map(({ currency }) => currency)).toEqual(['EUR', 'JPY']);
    expect(inShort(flows[1]?.to ?? [])).toEqual(['alice yen 2600']);
  });

  test('a capture moves money and releases the reserved money, and only the payer held it', () => {
    const flows = flowsOf(
      moved(
        [
          ['alice', 'CREDIT', '11.25', 'PENDING'],
          ['shop', 'DEBIT', '11.25', 'PENDING'],
          ['alice', 'DEBIT', '11.25'],
          ['shop', 'CREDIT', '11.25'],
        ],
        'CAPTURE',
      ),
      EXPONENTS,
    );
    expect(flows.map(({ kind }) => kind)).toEqual(['posted', 'released']);
    expect(flows[1]?.from.map(({ after }) => after)).toEqual([null]);
    expect(flows[1]?.to.map(({ after }) => after?.amount)).toEqual(['7.00']);
  });

  test('a hold reserves', () => {
    const entries = [
      ['alice', 'DEBIT', '5.00', 'PENDING'],
      ['shop', 'CREDIT', '5.00', 'PENDING'],
    ] as const;
    expect(flowsOf(moved(entries, 'HOLD'), EXPONENTS).map(({ kind }) => kind)).toEqual(['reserved']);
  });

  test('a viewer who sees own entries alone sees the one other party with the difference', () => {
    const { entries, ...rest } = moved(
      [
        ['alice', 'DEBIT', '31.00'],
        ['shop', 'CREDIT', '31.00'],
      ],
      'TRANSFER',
    );
    const [flow] = flowsOf({ ...rest, entries: entries.slice(0, 1) }, new Map());
    expect(inShort(flow?.to ?? [])).toEqual(['shop 31.00']);
    expect(flow?.to[0]?.after).toBeNull();
  });

  test('several parties without entries are not told apart', () => {
    const { entries, ...rest } = moved([
      ['alice', 'DEBIT', '31.00'],
      ['shop', 'CREDIT', '30.00'],
      ['fees', 'CREDIT', '1.00'],
    ]);
    const [flow] = flowsOf({ ...rest, entries: entries.slice(0, 1) }, EXPONENTS);
    expect(inShort(flow?.to ?? [])).toEqual(['others 31.00']);
  });

  test('a sum without amounts is zero in the decimals of the currency', () => {
    expect(sumOf([], 'EUR', EXPONENTS)).toBe('0.00');
  });

  test('eight entries are pictured, nine are a table', () => {
    const of = (count: number) =>
      moved(Array.from({ length: count }, (_, place): Given => [`account ${place}`, 'DEBIT', '1.00']));
    expect([isPictured(of(8)), isPictured(of(9))]).toEqual([true, false]);
  });
});

const SHAPES: readonly (readonly [name: string, payers: number, receivers: number])[] = [
  ['one to one', 1, 1],
  ['one to many', 1, 3],
  ['many to one', 3, 1],
  ['many to many', 2, 3],
];

describe.each(SHAPES)('layout: %s', (_, payers, receivers) => {
  const leg = (name: string): Leg => ({
    party: party(name),
    money: { amount: '1.00', currency: 'EUR' },
    after: { amount: '2.00', currency: 'EUR' },
  });
  const flow = {
    kind: 'posted',
    currency: 'EUR',
    from: Array.from({ length: payers }, (_none, place) => leg(`payer ${place}`)),
    to: Array.from({ length: receivers }, (_none, place) => leg(`receiver ${place}`)),
  } as const;
  const meets = payers > 1 && receivers > 1;

  const expectReadable = ({ boxes, labels, arrows, node, width, height }: Picture) => {
    expect(boxes).toHaveLength(payers + receivers);
    // An amount stands at each leg of the side that has several; both sides have it where they meet in a node.
    expect(labels).toHaveLength(meets ? payers + receivers : Math.max(payers, receivers));
    expect(arrows).toHaveLength(receivers);
    expect(node !== null).toBe(meets);
    for (const box of boxes) {
      expect(Math.min(box.x, box.y)).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(width);
      expect(box.y + box.height).toBeLessThanOrEqual(height);
      for (const other of boxes.filter((one) => one !== box)) {
        const isApart =
          box.x + box.width <= other.x ||
          other.x + other.width <= box.x ||
          box.y + box.height <= other.y ||
          other.y + other.height <= box.y;
        expect(isApart).toBe(true);
      }
      // No amount is written over a box.
      for (const label of labels) {
        const isOver =
          label.x > box.x && label.x < box.x + box.width && label.y > box.y && label.y < box.y + box.height;
        expect(isOver).toBe(false);
      }
    }
  };

  test('wide, from left to right', () => {
    const picture = layOutWide(flow);
    expectReadable(picture);
    const starts = picture.boxes.map(({ x }) => x);
    expect(Math.max(...starts.slice(0, payers))).toBeLessThan(Math.min(...starts.slice(payers)));
  });

  test('tall, from top to bottom, in the width of a phone', () => {
    const picture = layOutTall(flow);
    expectReadable(picture);
    expect(picture.width).toBeLessThanOrEqual(326);
    const tops = picture.boxes.map(({ y }) => y);
    expect(tops).toEqual(tops.toSorted((one, other) => one - other));
  });
});

describe('random transactions', () => {
  const legs = fc.array(
    fc.record({
      account: fc.constantFrom('a', 'b', 'c', 'd'),
      side: fc.constantFrom('DEBIT', 'CREDIT'),
      amount: fc.bigInt({ min: 1n, max: 10n ** 20n }),
      layer: fc.constantFrom('POSTED', 'PENDING'),
      currency: fc.constantFrom('EUR', 'JPY'),
    }),
    { minLength: 1, maxLength: 12 },
  );

  test('have flows whose legs are the sums of their entries, for a viewer of all accounts and one of some', () => {
    fc.assert(
      fc.property(legs, fc.subarray(['a', 'b', 'c', 'd', 'e']), (drawn, own) => {
        // Account e balances each currency of each layer.
        const all = drawn.map((leg) => ({ ...leg, account: `${leg.account} ${leg.currency}` }));
        for (const layer of ['POSTED', 'PENDING'] as const) {
          for (const currency of ['EUR', 'JPY'] as const) {
            const rest = all
              .filter((leg) => leg.layer === layer && leg.currency === currency)
              .reduce((sum, { side, amount }) => (side === 'DEBIT' ? sum + amount : sum - amount), 0n);
            if (rest === 0n) continue;
            const side = rest > 0n ? 'CREDIT' : 'DEBIT';
            all.push({ account: `e ${currency}`, side, amount: rest > 0n ? rest : -rest, layer, currency });
          }
        }
        const text = ({ amount, currency }: (typeof all)[number]) =>
          fromMinor(amount, EXPONENTS.get(currency) ?? 0);
        const whole = moved(
          all.map((leg): Given => [leg.account, leg.side, text(leg), leg.layer, leg.currency]),
        );
        const isOwn = (id: string) => own.includes(id.charAt(0));
        const seen = { ...whole, entries: whole.entries.filter(({ account }) => isOwn(account.id)) };
        // The plain counterpart adds the entries one by one.
        const sums = (isShown: (id: string) => boolean) => {
          const found = new Map<string, bigint>();
          for (const { account, side, amount, layer, currency } of all) {
            if (!isShown(account)) continue;
            const name = `${layer} ${currency} ${side} ${account}`;
            found.set(name, (found.get(name) ?? 0n) + amount);
          }
          return Object.fromEntries([...found].toSorted());
        };
        const flowSums = (transaction: typeof whole, isShown: (id: string) => boolean) => {
          const found: [string, bigint][] = [];
          for (const { kind, currency, from, to } of flowsOf(transaction, EXPONENTS)) {
            const exponent = EXPONENTS.get(currency) ?? 0;
            const total = (side: readonly Leg[]) =>
              side.reduce((sum, { money }) => sum + toMinor(money.amount, exponent), 0n);
            expect(total(from)).toBe(total(to));
            const layer = kind === 'posted' ? 'POSTED' : 'PENDING';
            for (const [side, ofSide] of [
              ['DEBIT', from],
              ['CREDIT', to],
            ] as const) {
              for (const { party: who, money } of ofSide) {
                if (who === null || !isShown(who.accountId)) continue;
                found.push([
                  `${layer} ${currency} ${side} ${who.accountId}`,
                  toMinor(money.amount, exponent),
                ]);
              }
            }
          }
          return Object.fromEntries(found.toSorted());
        };
        expect(flowSums(whole, () => true)).toEqual(sums(() => true));
        expect(flowSums(seen, isOwn)).toEqual(sums(isOwn));
      }),
      { numRuns: 500 },
    );
  });
});
