import { BOOKS } from './accounts.ts';
import { type Day, dayOfMonth, monthNameOf, monthOf, weekdayOf, weekOf } from './calendar.ts';
import { type CurrencyCode, MERCHANTS } from './catalogue.ts';
import type { Clock } from './clock.ts';
import type { Leg } from './operation.ts';
import { type Customer, EMPLOYEES } from './people.ts';
import type { PlanBook } from './plan-book.ts';
import type { Random } from './random.ts';
import { commissionOn, VAT_DIVISOR } from './shopping.ts';

const HOUR = 3600;
/** A merchant keeps so much for refunds, and is paid nothing below the least payout. */
const RESERVE = 10_000n;
const LEAST_PAYOUT = 2000n;
/** A settlement waits for the next week if it is smaller. */
const LEAST_LEGS = 8;
const [MONDAY, FRIDAY, SATURDAY] = [0, 4, 5];
const PAYDAY = 25;
const WELCOME = 1000n;

/** The money of the marketplace itself: capital, settlements with the merchants, salaries, bills and taxes. */
export class Treasury {
  /** The last of each. */
  readonly seen: { settlement?: string; payout?: string; payroll?: string } = {};
  readonly #book: PlanBook;
  readonly #random: Random;
  readonly #clock: Clock;

  constructor(book: PlanBook, random: Random, clock: Clock) {
    this.#book = book;
    this.#random = random;
    this.#clock = clock;
  }

  open(): void {
    this.#clock.moveTo(6 * HOUR);
    const deposit = (account: string, amount: bigint, name: string, description: string) =>
      this.#book.post({ type: 'DEPOSIT', account, amount }, { name, description });
    deposit(BOOKS.capital, 25_000_000n, 'capital-1', 'Capital paid in by the founders');
    deposit(BOOKS.desk.EUR, 4_000_000n, 'desk-funding-eur', 'Opening balance of the exchange desk in euros');
    deposit(
      BOOKS.desk.USD,
      4_500_000n,
      'desk-funding-usd',
      'Opening balance of the exchange desk in dollars',
    );
    this.#bill(BOOKS.marketing, BOOKS.promotions, 30_000n, 'promotions-budget', 'Budget for welcome credits');
  }

  /** Gives new customers a credit. */
  welcome(customers: readonly Customer[]): void {
    for (const { wallet, name } of customers) {
      this.#clock.moveTo(7 * HOUR);
      if (this.#book.freeOf(BOOKS.promotions) < WELCOME) return;
      this.#book.post(
        { type: 'TRANSFER', from: BOOKS.promotions, to: wallet, amount: WELCOME },
        {
          name: `welcome-${wallet}`,
          description: `Welcome credit for ${name}`,
          metadata: { campaign: 'welcome' },
        },
      );
    }
  }

  /** Posts what is due on a day, in the morning. `sales`: by merchant; the settled ones are removed. */
  work(day: Day, sales: Map<string, bigint>): void {
    this.#clock.moveTo(6 * HOUR);
    const weekday = weekdayOf(day);
    const date = dayOfMonth(day);
    if (weekday === MONDAY)
      for (const currency of ['EUR', 'USD'] as const) this.#settle(day, currency, sales);
    const daysToPayday = PAYDAY - date;
    const isPayday =
      daysToPayday === 0 ? weekday < SATURDAY : weekday === FRIDAY && [1, 2].includes(daysToPayday);
    if (isPayday) this.#paySalaries(day);
    if (date === 1) this.#receiveBills(day);
    if (date === 10) this.#payTaxes(day);
    if (date === 15) this.#paySuppliers(day);
  }

  /** Charges the commission of the last week and moves the merchants' earnings to the payout of the week. */
  #settle(day: Day, currency: CurrencyCode, sales: Map<string, bigint>): void {
    const week = weekOf(day - 1);
    const legs: Leg[] = [];
    let fees = 0n;
    let paid = 0n;
    for (const { account, name, currency: own } of MERCHANTS) {
      if (own !== currency) continue;
      const free = this.#book.freeOf(account);
      const sold = sales.get(account) ?? 0n;
      const fee = sold > 0n && commissionOn(sold) <= free ? commissionOn(sold) : 0n;
      const payout = free - fee - RESERVE;
      if (fee > 0n) {
        legs.push({ account, side: 'DEBIT', amount: fee, description: `Commission of 8 %, ${name}` });
      }
      if (payout >= LEAST_PAYOUT) {
        legs.push({ account, side: 'DEBIT', amount: payout, description: `Earnings paid out, ${name}` });
      }
      fees += fee;
      paid += payout >= LEAST_PAYOUT ? payout : 0n;
    }
    const vat = fees / VAT_DIVISOR;
    if (legs.length + 3 < LEAST_LEGS || paid === 0n || vat === 0n) return;
    const { [currency]: clearing } = BOOKS.payouts;
    legs.push(
      {
        account: BOOKS.fees[currency],
        side: 'CREDIT',
        amount: fees - vat,
        description: 'Commission less tax',
      },
      { account: BOOKS.vat[currency], side: 'CREDIT', amount: vat, description: 'Tax on the commission' },
      { account: clearing, side: 'CREDIT', amount: paid, description: 'Earnings of all merchants' },
    );
    const infix = currency === 'EUR' ? '' : 'usd-';
    const settlement = `settlement-${infix}${week}`;
    const payout = `payout-${infix}${week}`;
    const metadata = { week, currency };
    this.#book.post(
      { type: 'JOURNAL', keyAccount: clearing, legs },
      {
        name: settlement,
        description: `Settlement with merchants for week ${week} in ${currency}`,
        metadata,
      },
    );
    for (const leg of legs) sales.delete(leg.account);
    this.#clock.moveTo(0);
    this.#book.post(
      { type: 'WITHDRAWAL', account: clearing, amount: paid },
      { name: payout, description: `Payout to merchants for week ${week} in ${currency}`, metadata },
    );
    if (currency === 'EUR') Object.assign(this.seen, { settlement, payout });
  }

  #paySalaries(day: Day): void {
    const month = monthOf(day);
    const sum = (of: (employee: (typeof EMPLOYEES)[number]) => bigint) =>
      EMPLOYEES.reduce((total, employee) => total + of(employee), 0n);
    const net = (employee: (typeof EMPLOYEES)[number]) => employee.gross - employee.tax - employee.social;
    const legs: Leg[] = [
      {
        account: BOOKS.salaries,
        side: 'DEBIT',
        amount: sum(({ gross }) => gross),
        description: 'Gross salaries',
      },
      ...EMPLOYEES.map((employee): Leg => {
        const description = `Net salary, ${employee.name}`;
        return { account: employee.account, side: 'CREDIT', amount: net(employee), description };
      }),
      { account: BOOKS.wageTax, side: 'CREDIT', amount: sum(({ tax }) => tax), description: 'Wage tax' },
      {
        account: BOOKS.social,
        side: 'CREDIT',
        amount: sum(({ social }) => social),
        description: 'Social insurance',
      },
    ];
    const name = `payroll-${month}`;
    this.#book.post(
      { type: 'JOURNAL', keyAccount: BOOKS.salaries, legs },
      { name, description: `Payroll for ${monthNameOf(day)}`, metadata: { month } },
    );
    this.seen.payroll = name;
    for (const { account, name: person } of EMPLOYEES) {
      this.#payOut(
        account,
        `salary-${month}-${account.replace('employee-', '')}`,
        `Salary paid to ${person}`,
      );
    }
  }

  #receiveBills(day: Day): void {
    const month = monthOf(day);
    const text = monthNameOf(day);
    const bill = (expense: string, amount: bigint, kind: string, description: string) =>
      this.#bill(expense, BOOKS.suppliers, amount, `bill-${month}-${kind}`, description);
    bill(BOOKS.rent, 185_000n, 'rent', `Office rent, ${text}`);
    bill(BOOKS.hosting, this.#random.amount(24_000n, 41_000n), 'hosting', `Hosting, ${text}`);
    bill(BOOKS.processing, this.#random.amount(15_000n, 60_000n), 'cards', `Card processing fees, ${text}`);
    this.#bill(BOOKS.marketing, BOOKS.promotions, 6000n, `promotions-${month}`, `Welcome credits, ${text}`);
    if (!this.#random.chance(30)) return;
    bill(BOOKS.rent, 185_000n, 'rent-twice', `Office rent, ${text}`);
    this.#clock.moveTo(9 * HOUR);
    this.#book.post(
      { type: 'REVERSAL', original: `bill-${month}-rent-twice`, amount: null },
      { name: `correction-${month}-rent`, description: 'Correction: the rent was entered twice' },
    );
  }

  #bill(expense: string, to: string, amount: bigint, name: string, description: string): void {
    this.#clock.moveTo(0);
    this.#book.post({ type: 'TRANSFER', from: expense, to, amount }, { name, description });
  }

  #payTaxes(day: Day): void {
    const month = monthOf(day);
    this.#payOut(BOOKS.wageTax, `wage-tax-${month}`, 'Wage tax paid');
    this.#payOut(BOOKS.social, `social-insurance-${month}`, 'Social insurance paid');
    this.#payOut(BOOKS.vat.EUR, `vat-${month}`, 'VAT on commissions paid');
  }

  #paySuppliers(day: Day): void {
    this.#payOut(BOOKS.suppliers, `suppliers-${monthOf(day)}`, `Suppliers paid, ${monthNameOf(day)}`);
  }

  /** Withdraws everything that an account has. */
  #payOut(account: string, name: string, description: string): void {
    const amount = this.#book.freeOf(account);
    if (amount === 0n) return;
    this.#clock.moveTo(0);
    this.#book.post({ type: 'WITHDRAWAL', account, amount }, { name, description });
  }
}
