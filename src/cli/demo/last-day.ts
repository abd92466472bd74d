import { type PlannedAccount, UNVERIFIED, UNVERIFIED_LIMIT } from './accounts.ts';
import { MERCHANTS, type Merchant, NEW_MERCHANT } from './catalogue.ts';
import { CUSTOMERS, type Customer } from './people.ts';
import type { Label, PlanBook } from './plan-book.ts';
import type { Order, Shopping } from './shopping.ts';
import type { PlannedChange, Step } from './step.ts';

/** Customers who buy nothing in the last days: one leaves, and one is suspected of fraud. */
export const LEAVING = 'customer-greta';
export const SUSPECT = 'customer-viktor';

const SUSPENDED = 'merchant-old-town-books';
const WITH_CREDIT = 'merchant-harbour-coffee';
const BEST_CUSTOMER = 'customer-ines';

const DAY_S = 24 * 60 * 60;
/** Long enough for the statements between the choice of the expiry and the placement of the hold. */
const SHORT_HOLD_S = 2;

/** The customers and merchants of holds that expire while the demo is posted. */
const SHORT_ORDERS = [
  ['customer-lucia', 'merchant-linen-house'],
  ['customer-pieter', 'merchant-bright-toys'],
] as const;

/** The operations and changes of the present day. Their effective time is that of their posting. */
export class LastDay {
  readonly openHolds: string[] = [];
  readonly #book: PlanBook;
  readonly #shopping: Shopping;

  constructor(book: PlanBook, shopping: Shopping) {
    this.#book = book;
    this.#shopping = shopping;
    book.setTime(null);
  }

  /** Returns the steps of the day. */
  plan(): Step[] {
    const short = SHORT_ORDERS.map(([customer, merchant]) => this.#orderOf(customer, merchant));
    for (const order of short) this.#shopping.topUp(order);
    const deposits = this.#book.take();
    const expiring = short.map((order) => this.#place(order, SHORT_HOLD_S));
    const placed = this.#book.take();
    this.#planHolds();
    this.#planDeclines();
    this.#emptyLeavingWallets();
    const beforeChanges = this.#book.take();
    this.#planUseOfChanges();
    const afterChanges = this.#book.take();
    this.#pay(this.#orderOf('customer-jonas', SUSPENDED));
    const afterRelease = this.#book.take();
    this.#captureExpired(expiring);
    return [
      { kind: 'POST', operations: deposits },
      { kind: 'PLACE', operations: placed },
      { kind: 'POST', operations: beforeChanges },
      { kind: 'NAME', account: newAccount(), externalId: NEW_MERCHANT.account },
      { kind: 'CHANGE', changes: CHANGES },
      { kind: 'POST', operations: afterChanges },
      { kind: 'CHANGE', changes: [{ account: SUSPENDED, change: 'UNFREEZE' }] },
      { kind: 'POST', operations: afterRelease },
      { kind: 'EXPIRE', holds: expiring },
      { kind: 'POST', operations: this.#book.take() },
    ];
  }

  #orderOf(customer: string, merchant: string, items?: number): Order {
    return this.#shopping.order(customerOf(customer), merchantOf(merchant), items);
  }

  #place(order: Order, lastsS: number | null): string {
    this.#book.post(
      { type: 'HOLD', from: order.wallet, to: order.merchant.account, amount: order.total, lastsS },
      labelOf(order),
    );
    return order.name;
  }

  #pay(order: Order, label: Label = labelOf(order)): void {
    this.#shopping.topUp(order);
    this.#book.post(transferOf(order), label);
  }

  /** Plans holds that stay open, one of them captured in part, and voided ones. */
  #planHolds(): void {
    const [held, partly, lasting, ...cancelled] = [
      this.#orderOf(BEST_CUSTOMER, 'merchant-clay-and-kiln'),
      this.#orderOf('customer-amara', 'merchant-field-kitchen', 2),
      this.#orderOf('customer-tomas', 'merchant-second-gear'),
      this.#orderOf('customer-hana', 'merchant-wool-corner'),
      this.#orderOf('customer-carla', 'merchant-green-shelf'),
      this.#orderOf('customer-nils', 'merchant-paper-lantern'),
    ] as const;
    for (const order of [held, partly, lasting, ...cancelled]) this.#shopping.topUp(order);
    this.openHolds.push(
      this.#place(held, 7 * DAY_S),
      this.#place(partly, 7 * DAY_S),
      this.#place(lasting, null),
    );
    this.#book.post(
      { type: 'CAPTURE', hold: partly.name, amount: partly.total / 2n, final: false },
      {
        name: `${partly.name}-shipment-1`,
        description: `Order ${partly.number}: first parcel shipped`,
        metadata: { order: `${partly.number}`, parcel: '1' },
      },
    );
    for (const order of cancelled) {
      const hold = this.#place(order, null);
      this.#book.post(
        { type: 'VOID', hold },
        { name: `${hold}-cancelled`, description: `Order ${order.number} cancelled by the customer` },
      );
    }
  }

  /** Plans attempts that the balances, limits, holds and earlier refunds do not allow. */
  #planDeclines(): void {
    const { seen } = this.#shopping;
    this.#book.decline(unverifiedDeposit(), UNVERIFIED_DEPOSIT, 'BALANCE_LIMIT_EXCEEDED');
    const order = this.#orderOf('customer-bruno', 'merchant-linen-house');
    const description = `Order ${order.number} at Linen House: 60 × bed linen`;
    this.#book.decline(
      { ...transferOf(order), amount: 60n * 12_900n },
      { name: order.name, description, metadata: { ...order.metadata, items: '60' } },
      'INSUFFICIENT_FUNDS',
    );
    if (seen.capturedHold !== undefined) {
      this.#book.decline(
        { type: 'CAPTURE', hold: seen.capturedHold, amount: null, final: true },
        { name: `${seen.capturedHold}-shipment-again`, description: 'Shipment reported twice' },
        'HOLD_NOT_OPEN',
      );
    }
    const [open = ''] = this.openHolds;
    this.#book.decline(
      { type: 'CAPTURE', hold: open, amount: this.#book.leftOf(open) + 500n, final: true },
      { name: `${open}-with-postage`, description: 'Shipment with postage that was not authorized' },
      'HOLD_AMOUNT_EXCEEDED',
    );
    if (seen.refunded !== undefined) {
      this.#book.decline(
        { type: 'REVERSAL', original: seen.refunded, amount: null },
        { name: `${seen.refunded}-refund-again`, description: 'Refund requested a second time' },
        'ALREADY_REVERSED',
      );
    }
    if (seen.partialRefund !== undefined) {
      this.#book.decline(
        {
          type: 'REVERSAL',
          original: seen.partialRefund,
          amount: this.#book.leftOf(seen.partialRefund) + 100n,
        },
        {
          name: `${seen.partialRefund}-refund-rest`,
          description: 'Refund of more than the rest of the order',
        },
        'REVERSAL_AMOUNT_EXCEEDED',
      );
    }
  }

  /** Withdraws everything from the wallets of the customer who leaves, so that they can be closed. */
  #emptyLeavingWallets(): void {
    const amount = this.#book.freeOf(LEAVING);
    if (amount === 0n) return;
    this.#book.post(
      { type: 'WITHDRAWAL', account: LEAVING, amount },
      { name: `withdrawal-${LEAVING}`, description: 'Balance paid out before the account is closed' },
    );
  }

  /** Plans attempts whose outcome depends on the changes. */
  #planUseOfChanges(): void {
    const suspicious = this.#orderOf(SUSPECT, 'merchant-paper-lantern');
    const atSuspended = this.#orderOf(BEST_CUSTOMER, SUSPENDED);
    for (const order of [suspicious, atSuspended]) {
      this.#book.decline(transferOf(order), labelOf(order), 'ACCOUNT_FROZEN');
    }
    const late = this.#orderOf(LEAVING, 'merchant-green-shelf');
    this.#book.decline(transferOf(late), labelOf(late), 'ACCOUNT_CLOSED');
    this.#book.post(unverifiedDeposit(), { ...UNVERIFIED_DEPOSIT, key: `${UNVERIFIED_DEPOSIT.name}-again` });
    this.#book.open(NEW_MERCHANT.account);
    this.#pay(this.#shopping.order(customerOf(BEST_CUSTOMER), NEW_MERCHANT));
  }

  #captureExpired([hold = '']: readonly string[]): void {
    this.#book.decline(
      { type: 'CAPTURE', hold, amount: null, final: true },
      { name: `${hold}-shipment-1`, description: 'Shipment after the authorization expired' },
      'HOLD_EXPIRED',
    );
  }
}

const CHANGES: readonly PlannedChange[] = [
  {
    account: UNVERIFIED,
    change: { maxBalance: { amount: '5000.00' }, metadata: { kind: 'customer', verified: 'yes' } },
  },
  { account: WITH_CREDIT, change: { minBalance: { amount: '-250.00' } } },
  { account: BEST_CUSTOMER, change: { metadata: { kind: 'customer', tier: 'gold' } } },
  { account: SUSPECT, change: 'FREEZE' },
  { account: SUSPENDED, change: 'FREEZE' },
  { account: LEAVING, change: 'CLOSE' },
];

function unverifiedDeposit() {
  return { type: 'DEPOSIT', account: UNVERIFIED, amount: UNVERIFIED_LIMIT + 20_000n } as const;
}

const UNVERIFIED_DEPOSIT: Label = {
  name: `deposit-large-${UNVERIFIED}`,
  description: 'Top-up by bank transfer, Omar Haddad',
  metadata: { method: 'bank transfer' },
};

function newAccount(): Omit<PlannedAccount, 'externalId'> {
  const { name: owner, currency } = NEW_MERCHANT;
  return { owner, currency, normalSide: 'CREDIT', metadata: { kind: 'merchant', commission: '8 %' } };
}

function transferOf({ wallet, merchant, total }: Order) {
  return { type: 'TRANSFER', from: wallet, to: merchant.account, amount: total } as const;
}

function labelOf({ name, description, metadata }: Order): Label {
  return { name, description, metadata };
}

function customerOf(wallet: string): Customer {
  return find(CUSTOMERS, (customer) => customer.wallet === wallet);
}

function merchantOf(account: string): Merchant {
  return find(MERCHANTS, (merchant) => merchant.account === account);
}

function find<Item>(items: readonly Item[], matches: (item: Item) => boolean): Item {
  const item = items.find(matches);
  if (item === undefined) throw new TypeError('the catalogue lacks a name of the plan');
  return item;
}
