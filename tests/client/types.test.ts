// The types of the package: each program is compiled against the output of `npm run build`. A line that must not compile names its
// error in a comment. A program passes if the compiler reports exactly these errors.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const PROJECT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

const PRELUDE = `
import { createLedgerClient, isPosted, isRefusal, LedgerRefusal, unwrap } from 'transactional-ledger/client';
import type { LedgerErrorCode, RefusalOf, TokenSource, TransferResult } from 'transactional-ledger/client';
const ledger = createLedgerClient({ url: 'http://127.0.0.1:4000/graphql' });
const result = await ledger.transfer({ fromAccountId: 'ext:a', toAccountId: 'ext:b', amount: '1.00' });
export { result, isPosted, isRefusal, LedgerRefusal, unwrap, type LedgerErrorCode, type RefusalOf, type TokenSource, type TransferResult };
`;

const REFUSALS = [
  'AccountClosedError',
  'AccountFrozenError',
  'AccountNotFoundError',
  'BalanceLimitExceededError',
  'ConditionFailedError',
  'CounterpartyError',
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
  'the types that isRefusal narrows': `
if (isRefusal(result)) {
  const refusal: RefusalOf<TransferResult> = result;
  const code: LedgerErrorCode = refusal.code;
  const retryable: boolean = refusal.retryable;
  if (refusal.__typename === 'InsufficientFundsError') console.log(refusal.available.amount, code, retryable);
} else {
  const posted: 'TransactionPosted' = result.__typename;
  console.log(posted, result.replayed);
}`,
  'the types that isPosted narrows': `
if (isPosted(result)) {
  const posted: 'TransactionPosted' = result.__typename;
  console.log(posted, result.transaction.id);
} else {
  const refusal: RefusalOf<TransferResult> = result;
  console.log(refusal.message);
}
const placed = await ledger.placeHold({ fromAccountId: 'ext:a', toAccountId: 'ext:b', amount: '1.00' });
if (isPosted(placed)) console.log(placed.hold.id);`,
  'the result of unwrap, which has no refusals': `
const id: string = unwrap(result).transaction.id;
const account: string = unwrap(await ledger.createAccount({ owner: 'a', currency: 'USD' })).account.owner;
const { results } = unwrap(await ledger.postBatch([]));
console.log(id, account, results.length);`,
  'the refusal that unwrap throws': `
try {
  unwrap(result);
} catch (error) {
  if (error instanceof LedgerRefusal) console.log(error.refusal.code, error.refusal.retryable);
}`,
  'lists by node and by page': `
for await (const entry of ledger.history('ext:a')) console.log(entry.transaction.type, entry.layer);
const page = await ledger.accounts().page({ first: 20, after: null });
const next: string | null | undefined = page.pageInfo.endCursor;
const [line] = await ledger.trialBalance();
console.log(page.nodes[0]?.owner, next, line?.debits.amount);`,
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
  'one credential, and an owner': `
const token: TokenSource = async () => 'eyJ…';
createLedgerClient({ url: '/graphql', token });
createLedgerClient({ url: '/graphql', token: () => 'eyJ…', owner: 'alice', ledger: 'main' });
createLedgerClient({ url: '/graphql', apiKey: 'tlsk_…', owner: null });`,
  'the parties, and accounts that the caller may not read': `
const transaction = await ledger.transaction('txn_1');
const names: string[] | undefined = transaction?.parties.map(({ owner }) => owner);
const keyAccount: string | undefined = transaction?.keyAccount?.id;
const hold = await ledger.hold('hold_1');
console.log(names, keyAccount, hold?.to?.id, hold?.toParty.owner);
const head: string = (await ledger.head()).cursor;
console.log(head);`,
  'the account of COUNTERPARTY': `
if (result.__typename === 'CounterpartyError') {
  const accountId: string = result.accountId;
  console.log(accountId);
}`,
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
  'a limit with two fields': `
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
  'an input without a required field': `
await ledger.deposit({ accountId: 'ext:a' }); // TS2345: Argument of type '{ accountId: string; }' is not assignable
`,
  'a field that a result does not have': `
const account = await ledger.account('ext:a');
console.log(account?.overdraft); // TS2339: Property 'overdraft' does not exist on type
`,
  'a field of an account that may be null': `
const account = await ledger.account('ext:a');
console.log(account.owner); // TS18047: 'account' is possibly 'null'.
`,
  'a transaction of a result that isPosted excludes': `
if (!isPosted(result)) {
  console.log(result.transaction); // TS2339: Property 'transaction' does not exist on type
}`,
  'a refusal in the result of unwrap': `
console.log(unwrap(result).code); // TS2339: Property 'code' does not exist on type
`,
  'the transaction of a refusal': `
if (isRefusal(result)) {
  console.log(result.transaction); // TS2339: Property 'transaction' does not exist on type
}`,
  'the transaction of a result that may be a refusal': `
console.log(result.transaction); // TS2339: Property 'transaction' does not exist on type
`,
  'two credentials': `
const both = { url: '/graphql', apiKey: 'tlsk_…', token: () => 'eyJ…' };
createLedgerClient(both); // TS2345: Argument of type '{ url: string; apiKey: string; token: () => string; }' is not assignable
`,
  'a token that is no function': `
createLedgerClient({
  url: '/graphql',
  token: 'eyJ…', // TS2322: Type 'string' is not assignable to type 'TokenSource'.
});`,
  'a token function without a result': `
createLedgerClient({
  url: '/graphql',
  token: async () => undefined, // TS2322: Type '() => Promise<undefined>' is not assignable to type 'TokenSource'.
});`,
  'the key account of a transaction that may belong to another owner': `
if (!isRefusal(result)) {
  console.log(result.transaction.keyAccount.id); // TS18047: 'result.transaction.keyAccount' is possibly 'null'.
}`,
  'the parties of a result, which only a query reads': `
if (!isRefusal(result)) {
  console.log(result.transaction.parties); // TS2339: Property 'parties' does not exist on type
}`,
  'an operation of a batch with two fields': `
await ledger.postBatch([
  { // TS2322: Type '{ deposit: { accountId: string; amount: string; }; withdraw:
    deposit: { accountId: 'ext:a', amount: '1.00' },
    withdraw: { accountId: 'ext:a', amount: '1.00' },
  },
]);`,
  'an operation of a batch without a field': `
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

/** Compiles the programs in one run and returns the output of the compiler. The first program is 0.ts. */
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
      // Its status is not 0 where it reports errors.
      (failed: { readonly stdout: string }) => failed,
    );
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns the errors of each program. */
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

/** Returns the errors that the comments of a program name. */
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

describe('the compiler accepts', () => {
  it.each(outcomes.filter(({ name }) => name in ACCEPTED))('$name', (program) => {
    expect(program.said).toEqual([]);
  });
});

describe('the compiler rejects', () => {
  it.each(outcomes.filter(({ name }) => name in REFUSED))('$name', (program) => {
    expect(program.marked).toHaveLength(1);
    expect(program.said).toEqual(program.marked);
  });
});
