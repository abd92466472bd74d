/**
 * The plan of the demo: a year of a small marketplace. It depends only on the day and the seed. The phases, their
 * steps and the operations of a step are posted in order.
 */
import { EXPENSES, type PlannedAccount, planAccounts } from './accounts.ts';
import { type Day, dateOf, weekdayOf } from './calendar.ts';
import { NEW_MERCHANT } from './catalogue.ts';
import { Clock } from './clock.ts';
import { LastDay, LEAVING, SUSPECT } from './last-day.ts';
import { CUSTOMERS } from './people.ts';
import { PlanBook } from './plan-book.ts';
import { Random } from './random.ts';
import { customersBy, Shopping } from './shopping.ts';
import type { Step } from './step.ts';
import { Treasury } from './treasury.ts';

/** Steps that the progress shows as one. */
export interface Phase {
  readonly title: string;
  readonly steps: readonly Step[];
}

/** A name to look at in the filled ledger, and what it shows. */
export interface Highlight {
  readonly name: string;
  readonly shows: string;
}

export interface Plan {
  readonly accounts: readonly PlannedAccount[];
  readonly phases: readonly Phase[];
  readonly highlights: readonly Highlight[];
}

/** The days of the history. It ends on the day before the plan's. */
export const HISTORY_DAYS = 364;
/** The history is posted in so many phases. */
const PERIODS = 4;
const PERIOD_DAYS = HISTORY_DAYS / PERIODS;
/** The number of days before the end on which the customers who leave stop to buy. */
const QUIET_DAYS = 21;
/** Orders by the day of the week, in percent of an average day: shops sell more at the weekend. */
const WEEKDAY_PERCENT = [80, 75, 85, 95, 120, 140, 105] as const;

/** Plans the demo for a day. The same day and seed give the same plan. */
export function planDemo(today: Day, seed = 1): Plan {
  const accounts = planAccounts();
  const random = new Random(seed);
  const book = new PlanBook(
    accounts.map(({ externalId }) => externalId),
    EXPENSES,
  );
  const clock = new Clock(book);
  const shopping = new Shopping(book, random, clock);
  const treasury = new Treasury(book, random, clock);
  const first = today - HISTORY_DAYS;
  const phases: Phase[] = [];
  for (let place = 0; place < HISTORY_DAYS; place += 1) {
    const day = first + place;
    clock.startDay(day);
    if (place === 0) treasury.open();
    treasury.work(day, shopping.sales);
    treasury.welcome(CUSTOMERS.filter(({ joins }) => joins === place));
    const buyers = customersBy(place).filter(
      ({ wallet }) => place < HISTORY_DAYS - QUIET_DAYS || (wallet !== LEAVING && wallet !== SUSPECT),
    );
    shopping.shop(day, countOrders(random, place, day), buyers);
    if ((place + 1) % PERIOD_DAYS === 0) {
      const title = `${dateOf(day - PERIOD_DAYS + 1)} to ${dateOf(day)}`;
      phases.push({ title, steps: [{ kind: 'POST', operations: book.take() }] });
    }
  }
  const lastDay = new LastDay(book, shopping);
  phases.push({ title: `${dateOf(today)}, with changes of accounts`, steps: lastDay.plan() });
  return { accounts, phases, highlights: highlightsOf(shopping, treasury, lastDay) };
}

/** The marketplace grows: it has about two orders on a day at first, and ten at the end. */
function countOrders(random: Random, place: number, day: Day): number {
  const average = 200 + Math.floor((800 * place) / HISTORY_DAYS);
  const percent = WEEKDAY_PERCENT[weekdayOf(day)] ?? 100;
  return Math.floor((average * percent) / 10_000) + random.below(3);
}

function highlightsOf({ seen }: Shopping, treasury: Treasury, { openHolds: [hold] }: LastDay): Highlight[] {
  const found: readonly (readonly [string | undefined, string])[] = [
    ['customer-ines', 'an account with a long history'],
    [seen.partialRefund, 'an order that was refunded in part'],
    [seen.twoShipments, 'a hold that was captured in two parts'],
    [hold, 'an open hold'],
    [treasury.seen.settlement, 'a settlement with many entries'],
    [treasury.seen.payout, 'the payout that followed it'],
    [treasury.seen.payroll, 'a payroll'],
    ['exchange-501', 'an exchange of euros for dollars'],
    [SUSPECT, 'a frozen account'],
    [NEW_MERCHANT.account, 'an account that was named after its creation'],
  ];
  return found.flatMap(([name, shows]) => (name === undefined ? [] : { name: `ext:${name}`, shows }));
}
