import { BOOKS } from './accounts.ts';
import type { Leg } from './operation.ts';
import type { Random } from './random.ts';

/** A purchase of dollars for euros. */
interface Exchange {
  /** Euros with the fee, and dollars. */
  readonly spent: bigint;
  readonly bought: bigint;
  /** Dollars for one euro: "1.0842". */
  readonly rate: string;
  readonly legs: readonly Leg[];
}

/** Plans the purchase of at least `dollars` through the exchange desk. The fee is 0.5 %. */
export function exchangeLegs(random: Random, eurosOf: string, dollarsOf: string, dollars: bigint): Exchange {
  const perTenThousand = 10_700n + BigInt(random.below(400));
  // Rounded up to ten euros.
  const euros = ((dollars * 10_000n) / perTenThousand / 1000n + 1n) * 1000n;
  const bought = (euros * perTenThousand) / 10_000n;
  const fee = euros / 200n;
  return {
    spent: euros + fee,
    bought,
    rate: `1.${String(perTenThousand - 10_000n).padStart(4, '0')}`,
    legs: [
      { account: eurosOf, side: 'DEBIT', amount: euros + fee, description: 'Euros sold, with fee' },
      { account: BOOKS.desk.EUR, side: 'CREDIT', amount: euros, description: 'Euros bought' },
      { account: BOOKS.fees.EUR, side: 'CREDIT', amount: fee, description: 'Exchange fee of 0.5 %' },
      { account: BOOKS.desk.USD, side: 'DEBIT', amount: bought, description: 'Dollars sold' },
      { account: dollarsOf, side: 'CREDIT', amount: bought, description: 'Dollars bought' },
    ],
  };
}
