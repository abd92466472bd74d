import { afterEach, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../support/ledger.ts';
import { newKey, serve } from './api.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);
const a = await makeAccount(ledger, { funds: '10' });
const b = await makeAccount(ledger, { minBalance: { unlimited: true } });
const yen = await makeAccount(ledger, { currency: 'JPY' });
const yen2 = await makeAccount(ledger, { currency: 'JPY' });

const FIELD = '... on InvalidInputError { field } ... on InvalidAmountError { field }';
const NINES = '9'.repeat(38);

// Invalid input is never a fault.
afterEach(() => expect(api.faults).toEqual([]));

const move = (input: object) => ({
  fromAccountId: b,
  toAccountId: a,
  amount: '1',
  idempotencyKey: newKey(),
  ...input,
});

test.each<[unknown, string]>([
  ['0', 'above zero'],
  ['0.00', 'above zero'],
  [0, 'above zero'],
  ['-1', 'sign|decimal text'],
  [-1, 'sign|decimal text'],
  ['1e400', 'decimal text'],
  ['1e2', 'decimal text'],
  ['NaN', 'decimal text'],
  ['Infinity', 'decimal text'],
  ['0x10', 'decimal text'],
  [' 1 ', 'decimal text'],
  ['', 'decimal text'],
  ['1,000', 'decimal text'],
  ['.5', 'decimal text'],
  ['5.', 'decimal text'],
  ['١', 'decimal text'],
  ['1\0', 'decimal text'],
  ["1'; drop table entries; --", 'decimal text'],
  ['1.001', 'at most 2 decimals'],
  ['1.000', 'at most 2 decimals'],
  [NINES, '38 digits'],
  [`${NINES}9`, '38 digits'],
  ['1'.repeat(81), 'at most 80 characters'],
  [1.5, 'safe integer'],
  [1e300, 'safe integer'],
  [2 ** 53, 'safe integer'],
  [true, 'safe integer'],
  [['1'], 'safe integer'],
  [{ amount: '1' }, 'safe integer'],
])('the amount %j is INVALID_AMOUNT', async (amount, problem) => {
  const answer = await api.mutate('transfer', move({ amount }), FIELD);
  expect(answer).toMatchObject({
    __typename: 'InvalidAmountError',
    code: 'INVALID_AMOUNT',
    field: 'amount',
    retryable: false,
    replayed: false,
  });
  expect(answer['message']).toMatch(new RegExp(`^amount must .*(${problem})`));
});

test('an amount of a megabyte is rejected because of its length', async () => {
  const answer = await api.mutate('transfer', move({ amount: '1'.repeat(1_000_000) }), FIELD);
  expect(answer).toMatchObject({
    code: 'INVALID_AMOUNT',
    message: 'amount must have at most 80 characters, but has 1000000.',
  });
});

test('yen have no decimals', async () => {
  const between = { fromAccountId: yen2, toAccountId: yen };
  for (const amount of ['1.5', '1.0']) {
    expect(await api.mutate('transfer', move({ ...between, amount }), FIELD)).toMatchObject({
      code: 'INVALID_AMOUNT',
      message: expect.stringContaining('no decimals in JPY'),
    });
  }
  const most = { accountId: yen, amount: NINES, idempotencyKey: newKey() };
  expect(await api.mutate('deposit', most)).toMatchObject({ __typename: 'TransactionPosted' });
});

test('amounts beyond 64 bits are exact', async () => {
  const wide = { amount: String(2n ** 63n) };
  const selection = '... on TransactionPosted { transaction { amount { amount } } }';
  expect(await api.mutate('transfer', move(wide), selection)).toMatchObject({
    transaction: { amount: { amount: '9223372036854775808.00' } },
  });
  const safe = { amount: Number.MAX_SAFE_INTEGER };
  expect(await api.mutate('transfer', move(safe), selection)).toMatchObject({
    transaction: { amount: { amount: '9007199254740991.00' } },
  });
});

test.each([
  ['2', '2.00'],
  ['2.50', '2.50'],
  ['"2.5"', '2.50'],
  ['9007199254740993', '9007199254740993.00'],
  ['12345678901234567890.12', '12345678901234567890.12'],
])('the number %s in the document is exact', async (literal, amount) => {
  const { data } = await api.ask(`mutation { transfer(input: {
    fromAccountId: "${b}", toAccountId: "${a}", amount: ${literal}, idempotencyKey: "${newKey()}"
  }) { ... on TransactionPosted { transaction { amount { amount } } } } }`);
  expect(data).toEqual({ transfer: { transaction: { amount: { amount } } } });
});

test.each(['1e400', '1.5e1', '-1', '2.001', 'true', 'MUCH', '[1]', '{ amount: 1 }'])(
  'the literal %s is not an amount',
  async (literal) => {
    const { data, errors } = await api.ask(`mutation { transfer(input: {
      fromAccountId: "${b}", toAccountId: "${a}", amount: ${literal}, idempotencyKey: "${newKey()}"
    }) { __typename ... on InvalidAmountError { field } } }`);
    expect(errors).toBeUndefined();
    expect(data).toEqual({ transfer: { __typename: 'InvalidAmountError', field: 'amount' } });
  },
);

test.each<[unknown]>([
  ['yesterday'],
  ['2026-02-30T00:00:00Z'],
  ['2026-01-01T00:00:00'],
  ['2026-01-01'],
  ['+12026-01-01T00:00:00Z'],
  ['2026-01-01T00:00:00.1234567Z'],
  [''],
  [1767225600],
  [{}],
])('the instant %j is INVALID_INPUT', async (effectiveAt) => {
  expect(await api.mutate('transfer', move({ effectiveAt }), FIELD)).toMatchObject({
    __typename: 'InvalidInputError',
    code: 'INVALID_INPUT',
    field: 'effectiveAt',
  });
});

test.each<[unknown]>([
  [[]],
  ['{}'],
  [1],
  [{ a: null }],
  [{ a: { b: 'c' } }],
  [{ a: '\0' }],
  [{ '\ud800': 'a' }],
])('the metadata %j are INVALID_INPUT', async (metadata) => {
  expect(await api.mutate('transfer', move({ metadata }), FIELD)).toMatchObject({
    __typename: 'InvalidInputError',
    code: 'INVALID_INPUT',
    field: 'metadata',
  });
});

test('metadata in the document can contain variables', async () => {
  const ask = (value: string, type: string, metadata: string) =>
    api.ask(
      `mutation ($value: ${type}) { transfer(input: {
        fromAccountId: "${b}", toAccountId: "${a}", amount: 1, idempotencyKey: "${newKey()}", metadata: ${metadata}
      }) { __typename ... on TransactionPosted { transaction { metadata } } } }`,
      JSON.parse(value),
    );
  const answers = [
    await ask('{"value": "y"}', 'String!', '{ x: $value, fixed: "z" }'),
    await ask('{}', 'String', '{ x: $value, fixed: "z" }'),
    await ask('{"value": {"whole": "v"}}', 'Metadata', '$value'),
    await ask('{"value": 1}', 'Int', '{ x: $value }'),
    await ask('{"value": null}', 'String', '{ x: $value }'),
    await ask('{}', 'String', '{ x: [$value] }'),
  ];
  expect(answers.map(({ data, errors }) => errors ?? data['transfer'])).toEqual([
    { __typename: 'TransactionPosted', transaction: { metadata: { x: 'y', fixed: 'z' } } },
    { __typename: 'TransactionPosted', transaction: { metadata: { fixed: 'z' } } },
    { __typename: 'TransactionPosted', transaction: { metadata: { whole: 'v' } } },
    { __typename: 'InvalidInputError' },
    { __typename: 'InvalidInputError' },
    { __typename: 'InvalidInputError' },
  ]);
});

const METACHARACTERS = `'; drop table entries; -- " \\ \` $1 $$ %s \${x} {{x}} <script> \u202e 😀 \r\n\t`;
const TEXTS = ['idempotencyKey', 'externalId', 'description'] as const;

test.each(TEXTS)('%s keeps all characters', async (field) => {
  const text = `${METACHARACTERS}${newKey()}`;
  const selection = `... on TransactionPosted { transaction { ${field} } }`;
  expect(await api.mutate('transfer', move({ [field]: text }), selection)).toMatchObject({
    transaction: { [field]: text },
  });
  if (field === 'externalId') {
    const { data } = await api.ask('query ($id: ID!) { transaction(id: $id) { externalId } }', {
      id: `ext:${text}`,
    });
    expect(data).toEqual({ transaction: { externalId: text } });
  }
});

test.each(TEXTS)('%s rejects NUL, half a surrogate pair, and a megabyte', async (field) => {
  for (const text of ['a\0b', 'a\ud800b', '\udc00', 'x'.repeat(1_000_000), '😀'.repeat(251)]) {
    const answer = await api.mutate('transfer', move({ [field]: text }), FIELD);
    expect(answer).toMatchObject({ __typename: 'InvalidInputError', code: 'INVALID_INPUT', field });
    expect(String(answer['message']).length).toBeLessThan(200);
  }
});

test.each(['fromAccountId', 'toAccountId'])('%s of malformed text finds no account', async (field) => {
  for (const text of [
    'a\0b',
    'ext:a\0b',
    'ext:\ud800',
    METACHARACTERS,
    `ext:${METACHARACTERS}`,
    'x'.repeat(1_000_000),
  ]) {
    const answer = await api.mutate('transfer', move({ [field]: text }));
    expect(answer).toMatchObject({ __typename: 'AccountNotFoundError', code: 'ACCOUNT_NOT_FOUND' });
    expect(String(answer['message']).length).toBeLessThan(300);
  }
});

test.each(['owner', 'externalId', 'idempotencyKey', 'currency'])('createAccount checks %s', async (field) => {
  const type = field === 'currency' ? 'UnknownCurrencyError' : 'InvalidInputError';
  for (const text of ['a\0b', 'a\ud800b', 'x'.repeat(1_000_000), '']) {
    const answer = await api.mutate('createAccount', { owner: 'x', currency: 'USD', [field]: text });
    expect(answer).toMatchObject({ __typename: type });
    expect(String(answer['message']).length).toBeLessThan(300);
  }
});

test('queries by malformed text find nothing', async () => {
  for (const id of [
    '',
    'a\0b',
    'ext:',
    'ext:\0',
    'ext:\ud800',
    METACHARACTERS,
    'x'.repeat(500_000),
    '_',
    'hold_',
  ]) {
    const { data, errors } = await api.ask(
      `query ($id: ID!, $key: String!) {
        node(id: $id) { id } nodes(ids: [$id]) { id } account(id: $id) { id } transaction(id: $id) { id }
        outcomeByKey(accountId: $id, idempotencyKey: $key) { __typename }
      }`,
      { id, key: id },
    );
    expect(errors).toBeUndefined();
    expect(data).toEqual({ node: null, nodes: [null], account: null, transaction: null, outcomeByKey: null });
  }
});

test('a value that is not an input is a GraphQL error, and nothing is done', async () => {
  const wrong: [object, RegExp][] = [
    [{ amount: null }, /amount/],
    [{ idempotencyKey: 5 }, /String cannot represent/],
    [{ surplus: 1 }, /surplus/],
    [{ toAccountId: { id: a } }, /ID cannot represent/],
  ];
  for (const [input, message] of wrong) {
    const { data, errors } = await api.ask(
      'mutation ($input: TransferInput!) { transfer(input: $input) { __typename } }',
      { input: move(input) },
    );
    expect(data).toBeFalsy();
    expect(errors).toHaveLength(1);
    expect(errors?.[0]?.message).toMatch(message);
    expect(errors?.[0]?.message).not.toMatch(/\/|src|\.ts/);
  }
});

test('the books are sound', () => expectSoundBooks(database));
