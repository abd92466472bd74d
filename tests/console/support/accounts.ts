import { type Operation, unwrap } from '../../../src/client/index.ts';
import type { ConsoleService } from './console.ts';

const ORDERS = [
  ['Harbour Coffee', 'espresso beans, 1 kg', '31.80'],
  ['Wool Corner', 'knitting needles', '8.90'],
  ['Harbour Coffee', 'filter coffee, 500 g', '14.20'],
  ['Wool Corner', 'blanket', '115.00'],
] as const;
const MONTHS = 6;
const DAY_MS = 24 * 60 * 60 * 1000;

/** The account of a customer with half a year of deposits and orders, an open hold and a captured one, and two merchants. */
export async function openCustomer({ client }: Pick<ConsoleService, 'client'>) {
  const open = async (owner: string, externalId: string) =>
    unwrap(await client.createAccount({ owner, currency: 'EUR', externalId, metadata: { plan: 'gold' } }))
      .account;
  const ines = await open('Ines Moreau', 'customer-ines');
  const merchants = {
    'Harbour Coffee': await open('Harbour Coffee', 'merchant-harbour-coffee'),
    'Wool Corner': await open('Wool Corner', 'merchant-wool-corner'),
  };
  const start = Date.parse('2026-05-04T09:30:00Z');
  const at = (days: number) => new Date(start + days * DAY_MS).toISOString();
  const operations: Operation[] = [];
  let order = 3100;
  for (let month = 0; month < MONTHS; month += 1) {
    const day = month * 30;
    operations.push({
      deposit: {
        accountId: ines.id,
        amount: '200.00',
        description: 'Top-up by card, Ines Moreau',
        effectiveAt: at(day),
      },
    });
    for (const [place, [merchant, what, amount]] of ORDERS.entries()) {
      order += 1;
      operations.push({
        transfer: {
          fromAccountId: ines.id,
          toAccountId: merchants[merchant].id,
          amount,
          description: `Order ${order} at ${merchant}: ${what}`,
          externalId: `order-${order}`,
          effectiveAt: at(day + 3 + place * 6),
        },
      });
    }
  }
  unwrap(await client.postBatch(operations, { mode: 'ATOMIC' }));
  const holdOf = async (amount: string, externalId: string, description: string) =>
    unwrap(
      await client.placeHold({
        fromAccountId: ines.id,
        toAccountId: merchants['Wool Corner'].id,
        amount,
        externalId,
        description,
      }),
    ).hold;
  const captured = await holdOf('20.00', 'order-3198', 'Order 3198 at Wool Corner: two skeins');
  unwrap(
    await client.captureHold({ holdId: captured.id, amount: '17.50', externalId: 'order-3198-shipment' }),
  );
  const hold = await holdOf('39.60', 'order-3199', 'Order 3199 at Wool Corner: 2 × scarf');
  return { ines, hold, coffee: merchants['Harbour Coffee'], wool: merchants['Wool Corner'] };
}
