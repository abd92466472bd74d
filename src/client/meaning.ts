/**
 * Compares inputs by the ledger's rules for idempotency. An intent with an equal input repeats its attempt, and another input is
 * rejected before it is sent. Malformed values are kept as they are, so that a malformed input never equals a valid one.
 */

/** The defaults of inputs, by the operation. */
const DEFAULTS: Readonly<Record<string, object>> = {
  captureHold: { final: true },
  createAccount: { normalSide: 'CREDIT', minBalance: { amount: '0' }, maxBalance: { unlimited: true } },
};
/** In these operations empty metadata is a value. In all others it equals omitted metadata. */
const KEEP_EMPTY_METADATA: readonly string[] = ['createAccount', 'updateAccount'];

/**
 * Returns a text that is equal for two inputs of an operation if the ledger treats them as the same request. Ids and `ext:` names
 * are compared as texts: only the ledger can resolve a name.
 */
export function meaningOf(operation: string, input: unknown): string {
  // As in the request: a Date is text, and undefined fields are omitted.
  const sent: unknown = JSON.parse(JSON.stringify(input));
  return JSON.stringify([operation, isObject(sent) ? readFields(operation, sent) : sent]);
}

type Fields = Readonly<Record<string, unknown>>;

/** Sorts the fields by name, removes null, and adds defaults. */
function readFields(operation: string, given: Fields): Fields {
  const read: [string, unknown][] = Object.entries(given)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, readField(operation, name, value)]);
  return sorted({
    ...DEFAULTS[operation],
    ...Object.fromEntries(read.filter(([, value]) => value !== undefined)),
  });
}

function readField(operation: string, name: string, value: unknown): unknown {
  switch (name) {
    case 'amount':
    case 'balanceAtLeast':
    case 'balanceAtMost':
    case 'availableAtLeast':
      return shortestDecimal(asText(value));
    case 'expectedVersion':
      return shortestInteger(asText(value));
    case 'effectiveAt':
    case 'expiresAt':
      return typeof value === 'string' ? instantInUtc(value) : value;
    case 'metadata':
      if (!isObject(value)) return value;
      return Object.keys(value).length === 0 && !KEEP_EMPTY_METADATA.includes(operation)
        ? undefined
        : sorted(value);
    case 'minBalance':
    case 'maxBalance':
      return isObject(value) ? readFields(name, value) : value;
    case 'conditions':
      return Array.isArray(value) && value.length === 0 ? undefined : readEach(name, value);
    case 'accounts':
      return readEach('createAccount', value);
    case 'operations':
      return readEach(name, value);
    case 'entries':
      return readEach(name, value);
    default:
      // An operation of a batch is in the field with its name. No other field has an object.
      return isObject(value) ? readFields(name, value) : value;
  }
}

function readEach(operation: string, values: unknown): unknown {
  if (!Array.isArray(values)) return values;
  return values.map((each: unknown) => (isObject(each) ? readFields(operation, each) : each));
}

/** Converts a safe integer to text. The service accepts no other JSON number. */
function asText(value: unknown): unknown {
  return Number.isSafeInteger(value) ? String(value) : value;
}

/** Removes superfluous zeros: 20.00 becomes 20. */
function shortestDecimal(value: unknown): unknown {
  if (typeof value !== 'string' || value.length > 80) return value;
  const [, sign, whole = '', decimals = ''] = /^(-?)0*(\d+)(?:\.(\d+))?$/.exec(value) ?? [];
  if (sign === undefined) return value;
  const shortest = `${whole}.${decimals}`.replace(/\.?0*$/, '');
  return shortest === '0' ? shortest : sign + shortest;
}

function shortestInteger(value: unknown): unknown {
  return typeof value === 'string' && /^-?\d{1,19}$/.test(value) ? `${BigInt(value)}` : value;
}

const RFC_3339 =
  /^((?!0000)\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** Converts an instant of the years 0001 to 9999 to UTC with microseconds. Returns any other text unchanged. */
function instantInUtc(value: string): string {
  const [, day, time, decimals = '', sign, hours = 0, minutes = 0] = RFC_3339.exec(value) ?? [];
  const local = new Date(`${day}T${time}.000Z`);
  // Date accepts the 30th of February and makes it the 2nd of March.
  if (Number.isNaN(local.getTime()) || local.toISOString() !== `${day}T${time}.000Z`) return value;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  const utc = new Date(local.getTime() - (sign === '-' ? -offsetMs : offsetMs)).toISOString();
  return /^(?!0000)\d{4}-/.test(utc) ? `${utc.slice(0, 19)}.${decimals.padEnd(6, '0')}Z` : value;
}

function sorted(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
