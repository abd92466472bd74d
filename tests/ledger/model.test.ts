import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks } from '../support/ledger.ts';
import { compareWithModel, type Program } from './model-check.ts';

const ROOT = join(import.meta.dirname, '../..');
const database = await createTestDatabase();

describe('the ledger and the reference model', () => {
  afterAll(() => expectSoundBooks(database));

  test('answer random requests, repeats and conflicts alike', async () => {
    await compareWithModel(await load(join(ROOT, 'src')), database, { numRuns: 25 });
  });
});

/** Bugs that were planted in a copy of the program, as a text and what takes its place. The model must find each. */
const PLANTED: readonly {
  readonly bug: string;
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}[] = [
  {
    bug: 'a repeat that ignores its kind',
    file: 'core/decide.ts',
    text: 'earlier.type === command.type',
    instead: 'command.type !== undefined',
  },
  {
    bug: 'a repeat that ignores its amount',
    file: 'core/command.ts',
    text: "['amount', shortestDecimal(amount)],\n      ...attemptFields(attempt),",
    instead: '...attemptFields(attempt),',
  },
  {
    bug: 'an account that may be overdrawn by 1.00',
    file: 'core/decide.ts',
    text: 'available + rise < 0n',
    instead: 'available + rise < -100n',
  },
  {
    bug: 'a decline that is forgotten',
    file: 'core/decide.ts',
    text: '  return record(book, command, movement, refusal);',
    instead:
      '  return refusal === undefined ? record(book, command, movement, refusal) : unrecorded(refusal);',
  },
  {
    bug: 'an externalId that is not remembered',
    file: 'core/decide.ts',
    text: 'if (takenBy !== undefined) {',
    instead: 'if (takenBy !== undefined && takenBy === undefined) {',
  },
  {
    bug: 'accounts of two currencies in one transfer',
    file: 'core/decide.ts',
    text: 'account.currency.code !== expected',
    instead: "account.currency.code !== expected && type !== 'TRANSFER'",
  },
];

describe('the reference model finds', () => {
  test.each(PLANTED)('$bug', async ({ file, text, instead }) => {
    const copy = join(ROOT, `.planted-${crypto.randomUUID()}`);
    const planted = await createTestDatabase();
    try {
      await cp(join(ROOT, 'src'), copy, { recursive: true });
      const source = await readFile(join(copy, file), 'utf8');
      expect(source.split(text)).toHaveLength(2);
      await writeFile(join(copy, file), source.replace(text, instead));

      await expect(
        compareWithModel(await load(copy), planted, { numRuns: 50, endOnFailure: true }),
      ).rejects.toMatchObject({ cause: { message: expect.stringMatching(/was answered|has -?\d+, not/) } });
    } finally {
      await rm(copy, { recursive: true, force: true });
      await planted.drop();
    }
  });
});

async function load(source: string): Promise<Program> {
  const module = (path: string) => import(pathToFileURL(join(source, path)).href);
  const [{ Ledger }, commands] = await Promise.all([module('ledger/ledger.ts'), module('core/command.ts')]);
  const { toDeposit, toWithdrawal, toTransfer } = commands;
  return { Ledger, toDeposit, toWithdrawal, toTransfer };
}
