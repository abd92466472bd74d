import type { Metadata } from '../../core/values/text.ts';
import { BOOKS, UNVERIFIED } from './accounts.ts';
import type { Day } from './calendar.ts';
import { type CurrencyCode, MERCHANTS, type Merchant } from './catalogue.ts';
import type { Clock } from './clock.ts';
import { exchangeLegs } from './exchange.ts';
import { CUSTOMERS, type Customer } from './people.ts';
import type { PlanBook } from './plan-book.ts';
import type { Random } from './random.ts';

/** A purchase of a customer. */
export interface Order {
  readonly number: number;
  readonly name: string;
  readonly customer: Customer;
  readonly wallet: string;
  readonly merchant: Merchant;
  readonly count: number;
  readonly total: bigint;
  readonly description: string;
  readonly metadata: Metadata;
}

const SHIPMENTS = {
  WHOLE: ' shipped',
  FIRST_OF_TWO: ': first parcel shipped',
  SECOND_OF_TWO: ': second parcel shipped',
  SHORT: ' shipped without an item that is sold out',
} as const;

interface Dispatch {
  readonly order: Order;
  readonly due: Day;
  readonly shipment: keyof typeof SHIPMENTS;
}

interface Refund {
  readonly order: Order;
  readonly due: Day;
  /** The transaction that paid the order. */
  readonly original: string;
}

const HOUR = 3600;
const COMMISSION_PERCENT = 8n;
/** Parts of the commission that are VAT: one in six, which is 20 % of the rest. */
export const VAT_DIVISOR = 6n;

/** Returns the marketplace's commission on an amount. */
export function commissionOn(amount: bigint): bigint {
  return (amount * COMMISSION_PERCENT) / 100n;
}

/** The orders of the customers, with their deposits, exchanges, shipments and refunds. */
export class Shopping {
  /** The sales of each merchant for which no commission is charged yet. */
  readonly sales = new Map<string, bigint>();
  /** The last transactions and holds of some kinds. */
  readonly seen: { partialRefund?: string; twoShipments?: string; capturedHold?: string; refunded?: string } =
    {};
  readonly #book: PlanBook;
  readonly #random: Random;
  readonly #clock: Clock;
  #dispatches: Dispatch[] = [];
  #refunds: Refund[] = [];
  #orders = 1000;
  #deposits = 2000;
  #exchanges = 500;

  constructor(book: PlanBook, random: Random, clock: Clock) {
    this.#book = book;
    this.#random = random;
    this.#clock = clock;
  }

  /** Ships and refunds orders of earlier days, then places `count` orders. */
  shop(day: Day, count: number, customers: readonly Customer[]): void {
    this.#clock.moveTo(8 * HOUR);
    this.#ship(day);
    this.#refund(day);
    const span = 13 * HOUR;
    for (let place = 0; place < count; place += 1) {
      const start = 9 * HOUR + Math.floor((span * place) / count);
      this.#clock.moveTo(start + this.#random.below(Math.floor(span / count)));
      // Some customers buy more than others.
      const regulars = customers.slice(0, 6);
      this.#pay(day, this.order(this.#random.pick(this.#random.chance(30) ? regulars : customers)));
    }
  }

  /** Chooses an order of a customer. The merchant and the number of items can be given. */
  order(customer: Customer, at?: Merchant, items?: number): Order {
    const random = this.#random;
    const wantsDollars = customer.dollarWallet !== null && random.chance(35);
    const merchant =
      at ?? random.pick(MERCHANTS.filter(({ currency }) => currency === (wantsDollars ? 'USD' : 'EUR')));
    const product = random.pick(merchant.products);
    const count = items ?? random.pick([1, 1, 1, 2, 2, 3]);
    this.#orders += 1;
    const text = count === 1 ? product.text : `${count} × ${product.text}`;
    return {
      number: this.#orders,
      name: `order-${this.#orders}`,
      customer,
      wallet: walletOf(customer, merchant.currency),
      merchant,
      count,
      total: product.price * BigInt(count),
      description: `Order ${this.#orders} at ${merchant.name}: ${text}`,
      metadata: {
        order: `${this.#orders}`,
        channel: random.pick(['web', 'web', 'web', 'app', 'app', 'phone']),
        items: `${count}`,
      },
    };
  }

  /** Fills the wallet of an order where it has too little. */
  topUp({ customer, wallet, merchant: { currency }, total }: Order): void {
    const missing = total - this.#book.freeOf(wallet);
    if (missing <= 0n) return;
    const amount = ((missing + 999n) / 1000n) * 1000n + this.#random.amount(2000n, 20_000n, 1000n);
    if (currency === 'USD' && this.#random.chance(55) && this.#exchange(customer, amount)) return;
    this.deposit(customer, wallet, amount);
  }

  deposit(customer: Customer, wallet: string, amount: bigint): void {
    this.#deposits += 1;
    const method = this.#random.pick(['card', 'card', 'bank transfer']);
    this.#book.post(
      { type: 'DEPOSIT', account: wallet, amount },
      {
        name: `deposit-${this.#deposits}`,
        description: `Top-up by ${method}, ${customer.name}`,
        metadata: { method, reference: `TU${this.#deposits}` },
      },
    );
  }

  /** Buys dollars. Returns false if the customer or the exchange desk has too little. */
  #exchange({ wallet, dollarWallet, name }: Customer, dollars: bigint): boolean {
    const exchange = exchangeLegs(this.#random, wallet, dollarWallet ?? '', dollars);
    const { spent, bought, legs, rate } = exchange;
    if (this.#book.freeOf(wallet) < spent || this.#book.freeOf(BOOKS.desk.USD) < bought) return false;
    this.#exchanges += 1;
    this.#book.post(
      { type: 'JOURNAL', keyAccount: wallet, legs },
      {
        name: `exchange-${this.#exchanges}`,
        description: `Exchange of EUR to USD at ${rate}, ${name}`,
        metadata: { rate, quote: `Q${this.#exchanges}` },
      },
    );
    return true;
  }

  #pay(day: Day, order: Order): void {
    const { name, wallet, merchant, count, total, description, metadata } = order;
    const transfer = { type: 'TRANSFER', from: wallet, to: merchant.account, amount: total } as const;
    let key = name;
    if (this.#book.freeOf(wallet) < total && this.#random.chance(7)) {
      this.#book.decline(transfer, { name, description, metadata }, 'INSUFFICIENT_FUNDS');
      key = `${name}-again`;
      this.#clock.moveTo(0);
    }
    this.topUp(order);
    this.#clock.moveTo(0);
    const label = { name, key, description, metadata };
    const way = this.#random.below(100);
    if (way < 20 && wallet !== UNVERIFIED) {
      this.#book.post({ ...transfer, type: 'HOLD', lastsS: null }, label);
      const shipment = count === 1 ? 'WHOLE' : this.#random.pick(['WHOLE', 'FIRST_OF_TWO', 'SHORT'] as const);
      this.#dispatches.push({ order, due: day + 1 + this.#random.below(3), shipment });
    } else if (way < 30) {
      this.#payWithFee(order, label);
    } else {
      this.#book.post(transfer, label);
      this.#addSale(merchant.account, total);
      this.#mayRefund(day, order, name);
    }
  }

  /** Pays an order whose commission is charged at once. */
  #payWithFee({ wallet, merchant, total }: Order, label: Parameters<PlanBook['post']>[1]): void {
    const fee = commissionOn(total);
    const { account, currency } = merchant;
    const legs = [
      { account: wallet, side: 'DEBIT', amount: total, description: 'Price of the order' },
      { account, side: 'CREDIT', amount: total - fee, description: 'Price less commission' },
      { account: BOOKS.fees[currency], side: 'CREDIT', amount: fee, description: 'Commission of 8 %' },
    ] as const;
    this.#book.post({ type: 'JOURNAL', keyAccount: wallet, legs }, label);
  }

  #ship(day: Day): void {
    const due = this.#dispatches.filter((dispatch) => dispatch.due <= day);
    this.#dispatches = this.#dispatches.filter((dispatch) => dispatch.due > day);
    for (const { order, shipment } of due) {
      this.#clock.moveTo(0);
      const { name: hold, number, merchant, count } = order;
      const isSecond = shipment === 'SECOND_OF_TWO';
      const place = isSecond ? 2 : 1;
      const amount =
        shipment === 'WHOLE' || isSecond ? null : (order.total / BigInt(count)) * BigInt(count - 1);
      const name = `${hold}-shipment-${place}`;
      const captured = amount ?? this.#book.leftOf(hold);
      this.#book.post(
        { type: 'CAPTURE', hold, amount, final: shipment !== 'FIRST_OF_TWO' },
        {
          name,
          description: `Order ${number}${SHIPMENTS[shipment]}`,
          metadata: { order: `${number}`, parcel: `${place}` },
        },
      );
      this.#addSale(merchant.account, captured);
      if (shipment === 'FIRST_OF_TWO') {
        this.#dispatches.push({ order, due: day + 1, shipment: 'SECOND_OF_TWO' });
      } else {
        this.seen.capturedHold = hold;
        if (isSecond) this.seen.twoShipments = hold;
        else this.#mayRefund(day, order, name);
      }
    }
  }

  #mayRefund(day: Day, order: Order, original: string): void {
    if (order.wallet === UNVERIFIED || !this.#random.chance(6)) return;
    this.#refunds.push({ order, due: day + 3 + this.#random.below(8), original });
  }

  #refund(day: Day): void {
    const due = this.#refunds.filter((refund) => refund.due <= day);
    this.#refunds = this.#refunds.filter((refund) => refund.due > day);
    for (const { order, original } of due) {
      this.#clock.moveTo(0);
      const { number, merchant } = order;
      const left = this.#book.leftOf(original);
      const isPartial = this.#random.chance(50);
      const amount = isPartial ? (left * BigInt(20 + this.#random.below(40))) / 100n : left;
      // The merchant pays out everything above a reserve each week.
      if (this.#book.freeOf(merchant.account) < amount) continue;
      const reason = isPartial
        ? this.#random.pick(['one item came back', 'discount for a scratch', 'delivered late'])
        : this.#random.pick(['sent back', 'never arrived', 'damaged on the way']);
      this.#book.post(
        { type: 'REVERSAL', original, amount: isPartial ? amount : null },
        {
          name: `refund-${number}`,
          description: `Refund of order ${number}: ${reason}`,
          metadata: { order: `${number}`, reason },
        },
      );
      this.#addSale(merchant.account, -amount);
      this.seen[isPartial ? 'partialRefund' : 'refunded'] = original;
    }
  }

  #addSale(merchant: string, amount: bigint): void {
    this.sales.set(merchant, (this.sales.get(merchant) ?? 0n) + amount);
  }
}

function walletOf({ wallet, dollarWallet }: Customer, currency: CurrencyCode): string {
  return currency === 'EUR' ? wallet : (dollarWallet ?? wallet);
}

/** Returns the customers who have joined by a day of the demo's year. */
export function customersBy(place: number): Customer[] {
  return CUSTOMERS.filter(({ joins }) => joins <= place);
}
