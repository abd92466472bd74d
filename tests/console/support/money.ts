import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { unwrap } from '../../../src/client/index.ts';
import { type ConsolePage, type ConsoleService, openPage, startConsole } from './console.ts';

/** A service with accounts, of which Alice's has 100.00 EUR. */
export interface Books {
  readonly service: ConsoleService;
  readonly alice: string;
  readonly bob: string;
  /** Returns how many transactions of a type there are. */
  count(type?: 'TRANSFER' | 'HOLD_PLACE' | 'JOURNAL'): Promise<number>;
  balanceOf(id: string): Promise<string | undefined>;
}

/** Starts a service with the accounts ext:alice and ext:bob. */
export async function startBooks(service?: ConsoleService): Promise<Books> {
  const started = service ?? (await startConsole());
  const { client } = started;
  const open = async (owner: string, externalId: string) =>
    unwrap(await client.createAccount({ owner, currency: 'EUR', externalId })).account.id;
  const alice = await open('Alice Martin', 'alice');
  const bob = await open('Bob’s Bakery', 'bob');
  unwrap(await client.deposit({ accountId: alice, amount: '100' }));
  return {
    service: started,
    alice,
    bob,
    async count(type = 'TRANSFER') {
      let count = 0;
      for await (const transaction of client.transactions()) if (transaction.type === type) count += 1;
      return count;
    },
    balanceOf: async (id) => (await client.account(id))?.balance.amount,
  };
}

/** Expects something of the page within the time that a busy machine may need. */
export const eventually = <T>(read: () => Promise<T>) => expect.poll(read, { timeout: 15_000 });

/** Opens the form of a transfer from Alice to Bob, filled by the link. */
export function openTransfer(
  { service, alice, bob }: Pick<Books, 'service' | 'alice' | 'bob'>,
  amount = '12.5',
): Promise<ConsolePage> {
  return openPage(service, `/move/transfer?from=${alice}&to=${bob}&amount=${amount}`);
}

export const payButton = (page: Page) => page.getByRole('button', { name: 'Transfer 12.50 EUR' });
export const again = (page: Page) => page.getByRole('button', { name: 'Try again', exact: true });
export const posted = (page: Page) => page.getByText('Transferred 12.50 EUR.');

/** Returns the complaints that a lost connection does not explain. */
export function unexpected({ complaints }: Pick<ConsolePage, 'complaints'>): readonly string[] {
  return complaints.filter((text) => !text.startsWith('Failed to load resource: net::'));
}

/** Whether a request of the page is a transfer. */
export function isTransfer(request: { postData(): string | null }): boolean {
  return request.postData()?.includes('"fromAccountId"') === true && !isPreview(request);
}

function isPreview(request: { postData(): string | null }): boolean {
  return request.postData()?.includes('query Preview') === true;
}
