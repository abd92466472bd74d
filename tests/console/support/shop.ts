import { unwrap } from '../../../src/client/index.ts';
import type { ConsoleService } from './console.ts';

/** What a small shop has after a few days. */
export interface Shop {
  readonly alice: string;
  readonly shop: string;
  readonly fees: string;
  readonly deposit: string;
  readonly transfer: string;
  readonly journal: string;
  readonly hold: string;
  readonly placement: string;
  readonly capture: string;
  readonly reversal: string;
}

/** Posts seven transactions: a deposit, a transfer, a journal with a fee, a hold, a capture, a withdrawal, and a reversal in part. */
export async function makeShop({ client }: Pick<ConsoleService, 'client'>): Promise<Shop> {
  const open = async (owner: string, externalId: string) =>
    unwrap(await client.createAccount({ owner, externalId, currency: 'EUR' })).account.id;
  const alice = await open('Alice Fischer', 'customer-alice');
  const shop = await open('Corner Shop', 'merchant-corner-shop');
  const fees = await open('Marketplace', 'platform-fees-eur');
  const deposit = unwrap(
    await client.deposit({
      accountId: alice,
      amount: '500.00',
      externalId: 'top-up-1',
      description: 'Top-up by card',
      effectiveAt: '2026-01-01T12:00:00Z',
    }),
  );
  const transfer = unwrap(
    await client.transfer({
      fromAccountId: alice,
      toAccountId: shop,
      amount: '60.00',
      externalId: 'order-6',
      description: 'Order 6: two lamps',
    }),
  );
  const journal = unwrap(
    await client.postTransaction({
      keyAccountId: alice,
      externalId: 'order-7',
      description: 'Order 7: city atlas',
      metadata: { order: '7', channel: 'web' },
      entries: [
        { accountId: alice, side: 'DEBIT', amount: '27.50', description: 'Price of the order' },
        { accountId: shop, side: 'CREDIT', amount: '25.30' },
        { accountId: fees, side: 'CREDIT', amount: '2.20', description: 'Commission of 8 %' },
      ],
    }),
  );
  const placed = unwrap(
    await client.placeHold({
      fromAccountId: alice,
      toAccountId: shop,
      amount: '40.00',
      externalId: 'order-8',
      description: 'Order 8: sold in two parcels',
      expiresAt: new Date(Date.now() + 3.5 * 86_400_000).toISOString(),
    }),
  );
  const capture = unwrap(
    await client.captureHold({
      holdId: placed.hold.id,
      amount: '10.00',
      final: false,
      externalId: 'order-8-parcel-1',
    }),
  );
  unwrap(await client.withdraw({ accountId: shop, amount: '15.00', externalId: 'payout-1' }));
  const reversal = unwrap(
    await client.reverseTransaction({
      transactionId: transfer.transaction.id,
      amount: '20.00',
      externalId: 'refund-6',
      description: 'One lamp was broken',
    }),
  );
  return {
    alice,
    shop,
    fees,
    deposit: deposit.transaction.id,
    transfer: transfer.transaction.id,
    journal: journal.transaction.id,
    hold: placed.hold.id,
    placement: placed.transaction.id,
    capture: capture.transaction.id,
    reversal: reversal.transaction.id,
  };
}

/** Creates a key that may read, and nothing else; for all accounts or for those of an owner. The ledger then demands keys. */
export async function createReader(
  { client }: Pick<ConsoleService, 'client'>,
  owner?: string,
): Promise<string> {
  const scopes = ['READ'] as const;
  const created = await client.createApiKey({
    name: 'reader',
    scopes: [...scopes],
    ...(owner === undefined ? {} : { owner }),
  });
  return unwrap(created).secret;
}
