import { glob, readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { actorName } from '../../../src/console/data/actor-name.ts';
import { ACTIONS, actionWord, fieldChanges, versionAt } from '../../../src/console/data/change-words.ts';
import { formatInstant } from '../../../src/console/data/instants.ts';
import { limitChange, limitProblem, limitValues } from '../../../src/console/pages/account/change/limits.ts';
import {
  amountLabels,
  dateLabels,
  type PlottedEntry,
  plotBalances,
} from '../../../src/console/pages/account/plot/balance-plot.ts';
import { effectOf, signedAmount } from '../../../src/console/pages/account/tabs/entry-words.ts';

function entry(version: number, amount: string, effectiveAt: string): PlottedEntry {
  return { version: `${version}`, balanceAfter: { amount, currency: 'EUR' }, effectiveAt };
}

describe('the plot of a balance', () => {
  test('is over effective dates where the entries are in their order', () => {
    const plot = plotBalances(
      [
        entry(4, '5.00', '2026-03-03T00:00:00Z'),
        entry(2, '-1.50', '2026-02-02T00:00:00Z'),
        entry(1, '12.25', '2026-02-02T00:00:00Z'),
      ],
      2,
    );
    expect(plot?.axis).toBe('date');
    expect(plot?.xs).toEqual(
      ['2026-02-02T00:00:00Z', '2026-02-02T00:00:00Z', '2026-03-03T00:00:00Z'].map(
        (date) => Date.parse(date) / 1000,
      ),
    );
    expect(plot?.ys).toEqual([12.25, -1.5, 5]);
    expect(plot?.entries.map(({ version }) => version)).toEqual(['1', '2', '4']);
  });

  test.each([
    ['an entry is effective before an earlier one', '2026-02-01T00:00:00Z'],
    ['all entries are effective at one instant', '2026-02-02T00:00:00Z'],
  ])('is over the numbers of entries where %s', (_, second) => {
    const plot = plotBalances([entry(7, '2', second), entry(3, '1', '2026-02-02T00:00:00Z')], 0);
    expect(plot).toMatchObject({ axis: 'entry', xs: [3, 7], ys: [1, 2] });
  });

  test('names exact amounts that a number cannot tell apart', () => {
    const amounts = ['90071992547409930.01', '90071992547409930.03', '90071992547409930.02'];
    const plot = plotBalances(
      amounts.map((amount, place) => entry(3 - place, amount, '2026-02-02T00:00:00Z')),
      2,
    );
    expect(plot?.from.amount).toBe('90071992547409930.02');
    expect(plot?.to.amount).toBe('90071992547409930.01');
    expect(plot?.lowest.amount).toBe('90071992547409930.01');
    expect(plot?.highest.amount).toBe('90071992547409930.03');
  });

  test('needs two entries', () => {
    expect(plotBalances([], 2)).toBeUndefined();
    expect(plotBalances([entry(1, '1.00', '2026-02-02T00:00:00Z')], 2)).toBeUndefined();
  });

  test('has labels in the format of the locale', () => {
    expect(amountLabels([0, 2500.5], 'de')).toEqual(['0', '2.500,5']);
    expect(amountLabels([0, 1_500_000], 'en')).toEqual(['0', '1.5M']);
    const day = new Date(2026, 2, 9, 14, 5).getTime() / 1000;
    expect(dateLabels([day], 86_400 * 30, 'en-GB')).toEqual(['Mar 2026']);
    expect(dateLabels([day], 86_400, 'en-GB')).toEqual(['9 Mar']);
    expect(dateLabels([day], 3_600, 'en-GB')).toEqual(['9 Mar, 14:05']);
  });
});

describe('an entry', () => {
  test.each([
    ['CREDIT', 'CREDIT', '+1,234.50'],
    ['DEBIT', 'CREDIT', '\u22121,234.50'],
    ['DEBIT', 'DEBIT', '+1,234.50'],
    ['CREDIT', 'DEBIT', '\u22121,234.50'],
  ] as const)('on the side %s of a %s account is %s', (side, normalSide, text) => {
    expect(signedAmount({ side, amount: { amount: '1234.50' } }, normalSide)).toBe(text);
  });

  test.each([
    ['POSTED', 'DEBIT', 'CAPTURE', 'Posted'],
    ['PENDING', 'DEBIT', 'HOLD', 'Pending: held'],
    ['PENDING', 'CREDIT', 'HOLD', 'Pending: incoming'],
    ['PENDING', 'CREDIT', 'CAPTURE', 'Pending: released'],
    ['PENDING', 'CREDIT', 'RELEASE', 'Pending: released'],
  ] as const)('%s on the side %s of a %s is “%s” to a credit account', (layer, side, type, text) => {
    expect(effectOf({ layer, side, transaction: { type } }, 'CREDIT')).toBe(text);
  });
});

describe('a change', () => {
  test('says each field before and after it', () => {
    const change = {
      action: 'updateAccount',
      before: '{"minBalance":"0.00","maxBalance":null,"externalId":null}',
      after: '{"minBalance":"-1000.00","maxBalance":"5000.00","externalId":"shop","version":"12"}',
    };
    expect(fieldChanges(change, 'EUR')).toEqual([
      { name: 'Lowest balance', text: 'from 0.00\u00a0EUR to -1,000.00\u00a0EUR' },
      { name: 'Highest balance', text: 'from no limit to 5,000.00\u00a0EUR' },
      { name: 'External id', text: 'from none to shop' },
    ]);
    expect(versionAt(change)).toBe('12');
    expect(actionWord(change)).toBe('Account changed');
  });

  test.each([
    ['{"metadata":null}', '{"metadata":"9f"}', 'set'],
    ['{"metadata":"7a"}', '{"metadata":"9f"}', 'replaced'],
    ['{"metadata":"7a"}', '{"metadata":null}', 'removed'],
  ])('of metadata from %s to %s is “%s”', (before, after, text) => {
    expect(fieldChanges({ before, after }, 'EUR')).toEqual([{ name: 'Metadata', text }]);
  });

  test('that changed nothing has no fields', () => {
    expect(fieldChanges({ before: null, after: null }, 'EUR')).toEqual([]);
    expect(versionAt({ after: null })).toBeUndefined();
  });

  test('of the status is a word', () => {
    const change = { action: 'freezeAccount', before: '{"status":"OPEN"}', after: '{"status":"FROZEN"}' };
    expect(actionWord(change)).toBe('Account frozen');
    expect(fieldChanges(change, 'EUR')).toEqual([{ name: 'Status', text: 'from Open to Frozen' }]);
  });

  test('of a key or a currency has its values, and instants in the viewer’s zone', () => {
    const after =
      '{"name":"web","owner":null,"requestsPerSecond":"5","secretDigest":"9f","expiresAt":"2026-05-01T10:00:00.000000Z"}';
    expect(fieldChanges({ before: null, after })).toEqual([
      { name: 'Name', text: 'web' },
      { name: 'Requests per second', text: '5' },
      { name: 'Secret', text: 'set' },
      { name: 'Expires at', text: formatInstant('2026-05-01T10:00:00Z', 'full') },
    ]);
    expect(fieldChanges({ before: '{"maxBalance":null}', after: '{"maxBalance":"1000.00"}' })).toEqual([
      { name: 'Highest balance', text: 'from no limit to 1,000.00' },
    ]);
  });

  test('has a word for each action that the ledger records', async () => {
    let source = '';
    for await (const file of glob('src/core/**/*.ts')) source += await readFile(file, 'utf8');
    const recorded = [...source.matchAll(/\baction: '(\w+)'|\b[A-Z]+: '(\w+Account)',/g)].map(
      (found) => found[1] ?? found[2],
    );
    expect(Object.keys(ACTIONS).toSorted()).toEqual([...new Set(recorded)].toSorted());
  });

  test('names who made it', () => {
    expect(actorName(null)).toBe('No credential');
    expect(actorName({ kind: 'CLI', name: 'command line' })).toBe('Command line');
    expect(actorName({ kind: 'API_KEY', name: 'ops' })).toBe('ops (key)');
    expect(actorName({ kind: 'TOKEN', name: 'alice' })).toBe('alice (token)');
  });
});

describe('a limit', () => {
  test('is sent only if it changes', () => {
    const limit = { amount: '10.00' };
    expect(limitChange(limit, limitValues(limit), 2)).toBeUndefined();
    expect(limitChange(limit, { isUnlimited: false, amount: ' 10 ' }, 2)).toBeUndefined();
    expect(limitChange(limit, { isUnlimited: false, amount: '-5.5' }, 2)).toEqual({ amount: '-5.5' });
    expect(limitChange(limit, { isUnlimited: true, amount: '10.00' }, 2)).toEqual({ unlimited: true });
    expect(limitChange(null, limitValues(null), 2)).toBeUndefined();
    expect(limitChange(null, { isUnlimited: false, amount: '0' }, 2)).toEqual({ amount: '0' });
  });

  test.each([
    ['', 2, 'Enter an amount.'],
    ['-1,000', 2, 'Write a point before the decimals, and no commas'],
    ['1.001', 2, 'EUR has at most 2 decimals. The amount has 3.'],
    ['1.5', 0, 'EUR has no decimals.'],
  ])('of “%s” with %i decimals is a mistake', (amount, exponent, problem) => {
    expect(limitProblem({ isUnlimited: false, amount }, 'EUR', exponent)).toContain(problem);
  });

  test('that is off needs no amount', () => {
    expect(limitProblem({ isUnlimited: true, amount: 'x' }, 'EUR', 2)).toBeUndefined();
  });
});
