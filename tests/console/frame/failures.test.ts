import { expect, test } from 'vitest';
import { createLedgerClient } from '../../../src/client/index.ts';
import { explainFailure, isUnauthenticated, reasonOf } from '../../../src/console/data/failures.ts';
import { createKey, ledgerIdOf } from '../../support/access.ts';
import { startConsole } from '../support/console.ts';

async function keyedService() {
  const service = await startConsole();
  const { access } = service.ledger.engine;
  const { secret } = await createKey(access, await ledgerIdOf(access));
  const clientOf = (apiKey: string) => createLedgerClient({ url: `${service.url}/graphql`, apiKey });
  return { ...service, secret, clientOf };
}

const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => expect.unreachable('the call succeeded'),
    (error: unknown) => error,
  );

test('a key that is rejected has the reason of the service', async () => {
  const { clientOf, secret } = await keyedService();
  const error = await failureOf(clientOf(`${secret.slice(0, -6)}AAAAAA`).viewer());
  expect(isUnauthenticated(error)).toBe(true);
  expect(reasonOf(error)).toMatch(/^The API key is unknown. Check that it belongs to this service./);
});

test('after too many wrong keys of an address, the explanation says how long to wait', async () => {
  const { clientOf, secret } = await keyedService();
  const wrong = (number: number) => clientOf(`${secret.slice(0, -6)}${String(number).padStart(6, '0')}`);
  // The deadline comes before the end of the wait.
  const explained = async () => {
    const calls = Array.from({ length: 60 }, (_, number) =>
      failureOf(wrong(number).viewer({ deadlineMs: 300 })),
    );
    return (await Promise.all(calls)).map(explainFailure);
  };
  await expect.poll(explained, { timeout: 20_000 }).toContainEqual(
    expect.objectContaining({
      kind: 'offline',
      title: 'Too many requests were sent from here, or with this key or token.',
      advice: 'Wait a second, then try again.',
    }),
  );
});

test('a service that does not answer cannot be reached', async () => {
  const { client, close } = await keyedService();
  await close();
  const error = await failureOf(client.viewer({ deadlineMs: 100 }));
  expect(explainFailure(error)).toMatchObject({ kind: 'offline', title: 'The service cannot be reached.' });
});

test('a key that the browser did not store sent nothing, and the explanation says so', async () => {
  const { url } = await keyedService();
  const keyStore = { getItem: () => null, addItem: () => new Promise<never>(() => {}), removeItem: () => {} };
  const client = createLedgerClient({ url: `${url}/graphql`, keyStore });
  const input = { accountId: 'acct_1', amount: '1' };
  const error = await failureOf(client.deposit(input, { intent: 'one', deadlineMs: 50 }));
  expect(explainFailure(error)).toMatchObject({
    kind: 'fault',
    title: 'This browser did not store the key of the request. Nothing was sent.',
    advice: expect.stringContaining('close its other tabs, then try again'),
    details: expect.stringContaining('did not answer in time'),
  });
});

test('a key without the scope of a field is not permitted it', async () => {
  const { clientOf, secret } = await keyedService();
  const error = await failureOf(clientOf(secret).apiKeys().page());
  expect(explainFailure(error)).toMatchObject({ kind: 'forbidden' });
  expect(isUnauthenticated(error)).toBe(false);
});
