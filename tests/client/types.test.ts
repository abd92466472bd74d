// The types of the package, judged by the compiler: each program is compiled against what `npm run build` writes. Where a line is
// to be refused, it says by which error; a program is right where the compiler says that and nothing else.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const PROJECT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

const PRELUDE = `
import { createLedgerClient, isRefusal } from 'transactional-ledger/client';
import type { LedgerErrorCode, RefusalOf, TransferResult } from 'transactional-ledger/client';
const ledger = createLedgerClient({ url: 'http://127.0.0.1:4000/graphql' });
const result = await ledger.transfer({ fromAccountId: 'ext:a', toAccountId: 'ext:b', amount: '1.00' });
export { result, isRefusal, type LedgerErrorCode, type RefusalOf, type TransferResult };
`;

const REFUSALS = [
  'AccountClosedError',
  'AccountFrozenError',
  'AccountNotFoundError',
  'BalanceLimitExceededError',
  'ConditionFailedError',
  'CurrencyMismatchError',
  'ExternalIdTakenError',
  'ForbiddenError',
  'IdempotencyConflictError',
  'InsufficientFundsError',
  'InternalError',
  'InvalidAmountError',
  'InvalidInputError',
  'OverloadedError',
  'PeriodClosedError',
  'RateLimitedError',
  'SameAccountError',
  'UnavailableError',
];

const switchOver = (refusals: readonly string[], marker: string) => `
export function tell(result: TransferResult): string {
  switch (result.__typename) {
    case 'TransactionPosted':
      return result.transaction.id;
    ${refusals.map((name) => `case '${name}':`).join('\n    ')}
      return result.message;
    default: {
      const nothing: never = result; ${marker}
      return nothing;
    }
  }
}`;

const ACCEPTED: Readonly<Record<string, string>> = {
  'a switch over every member of a result': switchOver(REFUSALS, ''),
  'what isRefusal tells apart': `
if (isRefusal(result)) {
  const refusal: RefusalOf<TransferResult> = result;
  const code: LedgerErrorCode = refusal.code;
  const retryable: boolean = refusal.retryable;
  if (refusal.__typename === 'InsufficientFundsError') console.log(refusal.available.amount, code, retryable);
} else {
  const posted: 'TransactionPosted' = result.__typename;
  console.log(posted, result.replayed);
}`,
  'amounts as text, in and out': `
const deposited = await ledger.deposit({ accountId: 'ext:a', amount: '1.00' });
if (!isRefusal(deposited)) {
  const amount: string | undefined = deposited.transaction.amount?.amount;
  console.log(amount);
}
const account = await ledger.account('ext:a');
const balance: string | undefined = account?.balance.amount;
console.log(balance);
await ledger.createAccount({ owner: 'a', currency: 'USD', minBalance: { amount: '-5.00' } });
await ledger.createAccount({ owner: 'a', currency: 'USD', minBalance: { unlimited: true } });`,
  'inputs with a key of the caller’s and without': `
await ledger.withdraw({ accountId: 'ext:a', amount: '1.00', idempotencyKey: 'mine' });
await ledger.withdraw({ accountId: 'ext:a', amount: '1.00' }, { intent: 'checkout-42' });
await ledger.postBatch([
  { deposit: { accountId: 'ext:a', amount: '1.00' } },
  { withdraw: { accountId: 'ext:a', amount: '1.00', idempotencyKey: 'mine' } },
]);`,
};

const NUMBER_FOR_TEXT = `// TS2322: Type 'number' is not assignable to type 'string'.`;
const REFUSED: Readonly<Record<string, string>> = {
  'a switch that leaves a member out': switchOver(
    REFUSALS.filter((name) => name !== 'InsufficientFundsError'),
    `// TS2322: Type '{ readonly __typename: "InsufficientFundsError";`,
  ),
  'a number as an amount': `
await ledger.deposit({
  accountId: 'ext:a',
  amount: 1, ${NUMBER_FOR_TEXT}
});`,
  'a number as a limit': `
await ledger.createAccount({
  owner: 'a',
  currency: 'USD',
  minBalance: { amount: 0 }, ${NUMBER_FOR_TEXT}
});`,
  'a limit that is two': `
await ledger.createAccount({
  owner: 'a',
  currency: 'USD',
  minBalance: { amount: '0.00', unlimited: true }, // TS2322: Type 'true' is not assignable to type 'undefined'.
});`,
  'an amount of a result as a number': `
const account = await ledger.account('ext:a');
if (account !== null) {
  const balance: number = account.balance.amount; // TS2322: Type 'string' is not assignable to type 'number'.
  console.log(balance);
}`,
  'a field that an input does not have': `
await ledger.deposit({
  accountId: 'ext:a',
  amount: '1.00',
  memo: 'rent', // TS2353: Object literal may only specify known properties, and 'memo' does not exist
});`,
  'an input without a field that it must have': `
await ledger.deposit({ accountId: 'ext:a' }); // TS2345: Argument of type '{ accountId: string; }' is not assignable
`,
  'a field that a result does not have': `
const account = await ledger.account('ext:a');
console.log(account?.overdraft); // TS2339: Property 'overdraft' does not exist on type
`,
  'a field of an account that may not be there': `
const account = await ledger.account('ext:a');
console.log(account.owner); // TS18047: 'account' is possibly 'null'.
`,
  'what was posted, of a refusal': `
if (isRefusal(result)) {
  console.log(result.transaction); // TS2339: Property 'transaction' does not exist on type
}`,
  'what was posted, of a result that may be a refusal': `
console.log(result.transaction); // TS2339: Property 'transaction' does not exist on type
`,
  'an operation of a batch that is two': `
await ledger.postBatch([
  { // TS2322: Type '{ deposit: { accountId: string; amount: string; }; withdraw:
    deposit: { accountId: 'ext:a', amount: '1.00' },
    withdraw: { accountId: 'ext:a', amount: '1.00' },
  },
]);`,
  'an operation of a batch that is none': `
await ledger.postBatch([
  {}, // TS2322: Type '{}' is not assignable to type 'Operation'.
]);`,
};

interface Diagnostic {
  readonly line: number;
  /** `TS2322: Type …` */
  readonly says: string;
}

const COMPILER_OPTIONS = {
  target: 'es2022',
  lib: ['es2022', 'dom'],
  types: [],
  module: 'nodenext',
  strict: true,
  noEmit: true,
  skipLibCheck: false,
};

/** What the compiler prints of the programs, all of them in one run: the first is 0.ts. */
async function compile(programs: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-types-'));
  const write = (name: string, content: string) => writeFile(join(folder, name), content);
  try {
    const installed = join(folder, 'node_modules/transactional-ledger');
    await run('npm', ['run', 'build', '--', installed], { cwd: PROJECT });
    await write('package.json', '{ "type": "module" }');
    await write('tsconfig.json', JSON.stringify({ compilerOptions: COMPILER_OPTIONS, include: ['*.ts'] }));
    for (const [number, program] of programs.entries()) await write(`${number}.ts`, program);
    const tsc = join(PROJECT, 'node_modules/.bin/tsc');
    const { stdout } = await run(tsc, ['--pretty', 'false'], { cwd: folder }).catch(
      // It ends with a status of its own where it has something to say.
      (failed: { readonly stdout: string }) => failed,
    );
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the compiler printed, program by program. */
function readDiagnostics(printed: string, count: number): Diagnostic[][] {
  const said = Array.from({ length: count }, (): Diagnostic[] => []);
  // Further lines of a diagnostic are indented.
  for (const diagnostic of printed.split(/\n(?! )/).filter((text) => text !== '')) {
    const [, number, line, says] = /^(\d+)\.ts\((\d+),\d+\): error (.*)/.exec(diagnostic) ?? [];
    const ofProgram = said[Number(number)];
    if (ofProgram === undefined || says === undefined) throw new Error(`The compiler said:\n${printed}`);
    ofProgram.push({ line: Number(line), says });
  }
  return said;
}

/** The errors that the lines of a program call for. */
function markedIn(program: string): object[] {
  return program.split('\n').flatMap((text, index) => {
    const [, marker] = /\/\/ (TS\d+: .*)/.exec(text) ?? [];
    return marker === undefined ? [] : [{ line: index + 1, says: expect.stringContaining(marker) }];
  });
}

const programs = Object.values({ ...ACCEPTED, ...REFUSED }).map((source) => PRELUDE + source);
const said = readDiagnostics(await compile(programs), programs.length);
const outcomes = Object.keys({ ...ACCEPTED, ...REFUSED }).map((name, index) => ({
  name,
  said: said[index],
  marked: markedIn(programs[index] ?? ''),
}));

describe('the compiler takes', () => {
  it.each(outcomes.filter(({ name }) => name in ACCEPTED))('$name', (program) => {
    expect(program.said).toEqual([]);
  });
});

describe('the compiler refuses', () => {
  it.each(outcomes.filter(({ name }) => name in REFUSED))('$name', (program) => {
    expect(program.marked).toHaveLength(1);
    expect(program.said).toEqual(program.marked);
  });
});
