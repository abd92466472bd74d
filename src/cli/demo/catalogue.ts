/** The shops of the demo and their products. All are invented. */
export type CurrencyCode = 'EUR' | 'USD';

export interface Product {
  readonly text: string;
  /** In cents. */
  readonly price: bigint;
}

export interface Merchant {
  readonly account: string;
  readonly name: string;
  readonly currency: CurrencyCode;
  readonly products: readonly Product[];
}

function merchant(
  name: string,
  currency: CurrencyCode,
  products: Readonly<Record<string, bigint>>,
): Merchant {
  return {
    account: `merchant-${name.toLowerCase().replaceAll(' ', '-')}`,
    name,
    currency,
    products: Object.entries(products).map(([text, price]) => ({ text, price })),
  };
}

export const MERCHANTS: readonly Merchant[] = [
  merchant('Paper Lantern', 'EUR', {
    'A5 notebook': 1290n,
    'fountain pen': 3450n,
    'writing paper, 100 sheets': 980n,
  }),
  merchant('Harbour Coffee', 'EUR', {
    'espresso beans, 1 kg': 2350n,
    'filter coffee, 500 g': 1420n,
    'hand grinder': 8900n,
  }),
  merchant('Old Town Books', 'EUR', { novel: 1499n, cookbook: 3295n, 'city atlas': 4250n }),
  merchant('Clay and Kiln', 'EUR', {
    'stoneware bowl': 2750n,
    'set of four mugs': 6400n,
    'flower pot': 1980n,
  }),
  merchant('Green Shelf', 'EUR', { 'fern in a pot': 2190n, 'seed collection': 1150n, 'watering can': 3360n }),
  merchant('Linen House', 'EUR', { 'two napkins': 1860n, 'table cloth': 7450n, 'bed linen': 12_900n }),
  merchant('Bright Toys', 'EUR', { 'wooden train': 4690n, 'building blocks': 3275n, 'jigsaw puzzle': 1840n }),
  merchant('Field Kitchen', 'EUR', {
    'olive oil, 1 l': 1790n,
    'honey, 500 g': 1125n,
    'cast iron pan': 8650n,
  }),
  merchant('Wool Corner', 'EUR', { 'merino yarn': 1375n, 'knitting needles': 890n, blanket: 11_500n }),
  merchant('Second Gear', 'EUR', { 'bicycle lamp': 3980n, 'repair kit': 1650n, pannier: 9250n }),
  merchant('Cedar Audio', 'USD', { headphones: 11_900n, 'speaker cable': 2450n, 'record brush': 1795n }),
  merchant('Prairie Prints', 'USD', { 'framed print': 6800n, poster: 2200n, 'calendar for the wall': 1850n }),
  merchant('Lakeside Outdoor', 'USD', { 'camping stove': 7450n, 'dry bag': 2990n, 'head torch': 3625n }),
  merchant('Maple Tea', 'USD', { 'green tea, 250 g': 1680n, teapot: 5400n, 'tea sampler': 2925n }),
  merchant('Union Tools', 'USD', { 'screwdriver set': 3875n, 'work gloves': 1590n, 'hand saw': 4620n }),
];

/** A shop that joins on the last day. Its account has no name at first. */
export const NEW_MERCHANT: Merchant = merchant('Northside Bakery', 'EUR', {
  'sourdough loaf': 690n,
  'box of pastries': 2450n,
});
