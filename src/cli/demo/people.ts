/** The people of the demo. All are invented. */
export interface Customer {
  /** The externalId of the wallet in EUR. */
  readonly wallet: string;
  /** The externalId of the wallet in USD; null: there is none. */
  readonly dollarWallet: string | null;
  readonly name: string;
  /** The number of days after the beginning of the demo's year on which the customer joins. */
  readonly joins: number;
}

export interface Employee {
  readonly account: string;
  readonly name: string;
  /** The monthly salary before and after deductions, in cents. */
  readonly gross: bigint;
  readonly tax: bigint;
  readonly social: bigint;
}

const CUSTOMER_NAMES = [
  ...['Ines Moreau', 'Omar Haddad', 'Greta Lindholm', 'Viktor Novak', 'Amara Obi', 'Jonas Keller'],
  ...['Lucia Ferri', 'Tomas Vesely', 'Hana Suzuki', 'Pieter Maes', 'Carla Duarte', 'Nils Berg'],
  ...['Zoe Laurent', 'Marek Zielny', 'Aisha Rahmani', 'Bruno Costa', 'Elin Dahl', 'Samir Khoury'],
  ...['Paula Reyes', 'Felix Brandt', 'Noor Visser', 'Dario Conti', 'Maja Horvat', 'Owen Price'],
  ...['Rosa Marin', 'Anton Weiss', 'Leila Farouk', 'Hugo Petit', 'Sofie Jansen', 'Emil Larsen'],
  ...['Clara Vogel', 'Rafael Prado', 'Mina Park', 'Stefan Ilic', 'Nora Byrne', 'Luca Greco'],
  ...['Ada Koch', 'Yusuf Demir', 'Vera Pavlova', 'Martin Sedlak', 'Freya Holm', 'Diego Salas'],
  ...['Ella Novotna', 'Karim Aziz'],
];

const FIRST_CUSTOMERS = 8;
const DAYS_BETWEEN_CUSTOMERS = 9;

/** The customers in the order in which they join. */
export const CUSTOMERS: readonly Customer[] = CUSTOMER_NAMES.map((name, place) => {
  const wallet = `customer-${firstNameOf(name)}`;
  return {
    wallet,
    dollarWallet: place % 3 === 0 ? `${wallet}-usd` : null,
    name,
    joins: place < FIRST_CUSTOMERS ? 0 : (place - FIRST_CUSTOMERS + 1) * DAYS_BETWEEN_CUSTOMERS,
  };
});

const EMPLOYEE_NAMES = [
  ...['Ruth Adler', 'Matteo Riva', 'Ingrid Solberg', 'Kofi Mensah'],
  ...['Judit Kovacs', 'Alan Reid', 'Beatriz Pinto', 'Oskar Lund'],
];

/** The employees of the marketplace. Salaries differ by 150.00. */
export const EMPLOYEES: readonly Employee[] = EMPLOYEE_NAMES.map((name, place) => {
  const gross = 260_000n - 15_000n * BigInt(place);
  return {
    account: `employee-${firstNameOf(name)}`,
    name,
    gross,
    tax: (gross * 18n) / 100n,
    social: (gross * 11n) / 100n,
  };
});

function firstNameOf(name: string): string {
  const [first = name] = name.split(' ');
  return first.toLowerCase();
}
