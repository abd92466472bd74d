/**
 * Proves that concurrent transfers never overdraw an account: Alice has 100.00 and sends ten concurrent transfers of 20.00 to Bob.
 * Exactly five are posted.
 *   npm run proof                                      on a new server with a new database
 *   npm run proof -- http://127.0.0.1:4000/graphql     on a running server
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { withOwnService } from './service-process.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const [given] = positionals;
process.exitCode = (await (given === undefined ? proveOnOwnServer() : prove(given))) ? 0 : 1;

async function proveOnOwnServer(): Promise<boolean> {
  console.log('Starting a ledger …');
  return withOwnService(prove);
}

async function prove(url: string): Promise<boolean> {
  const alice = await createAccount(url, 'alice');
  const bob = await createAccount(url, 'bob');
  await request(url, 'mutation ($input: DepositInput!) { deposit(input: $input) { __typename } }', {
    input: { accountId: alice, amount: '100.00', idempotencyKey: randomUUID() },
  });

  const results = await Promise.all(
    Array.from({ length: 10 }, () =>
      request<{ transfer: { __typename: string } }>(
        url,
        'mutation ($input: TransferInput!) { transfer(input: $input) { __typename } }',
        { input: { fromAccountId: alice, toAccountId: bob, amount: '20.00', idempotencyKey: randomUUID() } },
      ),
    ),
  );
  const posted = results.filter(({ transfer }) => transfer.__typename === 'TransactionPosted').length;
  const refused = results.filter(({ transfer }) => transfer.__typename === 'InsufficientFundsError').length;
  const aliceHas = await balanceOf(url, alice);
  const bobHas = await balanceOf(url, bob);

  console.log(`Results: ${posted} Successes, ${refused} Failures`);
  console.log(`Alice Final Balance: $${aliceHas}`);
  console.log(`Bob Final Balance:   $${bobHas}`);
  const passed = posted === 5 && refused === 5 && aliceHas === '0.00' && bobHas === '100.00';
  console.log(passed ? '✅ TEST PASSED' : '❌ TEST FAILED');
  return passed;
}

async function createAccount(url: string, owner: string): Promise<string> {
  const { createAccount: created } = await request<{ createAccount: { account: { id: string } } }>(
    url,
    'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { ... on AccountCreated { account { id } } } }',
    { input: { owner, currency: 'USD' } },
  );
  return created.account.id;
}

async function balanceOf(url: string, id: string): Promise<string> {
  const { account } = await request<{ account: { balance: { amount: string } } }>(
    url,
    'query ($id: ID!) { account(id: $id) { balance { amount } } }',
    { id },
  );
  return account.balance.amount;
}

async function request<Data>(url: string, query: string, variables: object): Promise<Data> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ query, variables }),
  }).catch((error: unknown) => {
    throw new Error(`No ledger is running at ${url}. Start one with: npm start`, { cause: error });
  });
  const { data, errors } = (await response.json()) as { data?: Data; errors?: unknown };
  if (errors !== undefined || data === undefined)
    throw new Error(`The ledger returned errors: ${JSON.stringify(errors)}`);
  return data;
}
