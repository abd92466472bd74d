import { Kind, type ObjectValueNode, type ValueNode } from 'graphql';
import { formatInstant, parseInstant } from '../core/values/instant.ts';
import { MAX_METADATA_BYTES, MAX_METADATA_KEYS, Malformed, type Metadata } from '../core/values/text.ts';
import { builder } from './builder.ts';

// The scalars parse leniently: an invalid value becomes `Malformed` and does not fail the document, so that its refusal can name
// the field. Validation parses literals too, before the values of variables are known.

builder.scalarType('Decimal', {
  description:
    'Exact decimal text such as "12.34": a subset of the decimal of XML Schema. Digits, optionally followed by a point and ' +
    'digits. A minus sign is allowed only in limits and conditions. No exponent, no spaces. At most 38 digits in minor units. ' +
    'Amounts are never rounded: more decimals than the currency has, even zeros, are INVALID_AMOUNT. Answers have all decimals ' +
    'of the currency. Send strings. A number literal in the document counts as its exact text. A JSON number in variables must ' +
    'be a safe integer.',
  specifiedByURL: 'https://www.w3.org/TR/xmlschema11-2/#decimal',
  serialize: (amount) => amount,
  parseValue: parseDecimalValue,
  parseLiteral: (node) => {
    switch (node.kind) {
      case Kind.STRING:
      case Kind.INT:
      case Kind.FLOAT:
        return node.value;
      default:
        return new Malformed(NO_DECIMAL);
    }
  },
});

builder.scalarType('BigInt', {
  description:
    'An integer of up to 19 digits, as decimal text such as "9007199254740993": a subset of the integer of XML Schema. A JSON ' +
    'number in variables must be a safe integer.',
  specifiedByURL: 'https://www.w3.org/TR/xmlschema11-2/#integer',
  serialize: (integer) => integer.toString(),
  parseValue: (value) => {
    if (typeof value === 'string') return readInteger(value);
    return Number.isSafeInteger(value) ? BigInt(Number(value)) : new Malformed(NO_INTEGER);
  },
  parseLiteral: (node) =>
    node.kind === Kind.STRING || node.kind === Kind.INT ? readInteger(node.value) : new Malformed(NO_INTEGER),
});

builder.scalarType('DateTime', {
  description:
    'An instant in the format of RFC 3339, such as "2026-01-31T12:00:00.000000Z", with a time zone and at most six decimals of a ' +
    'second, in the years 0001 to 9999. Answers are in UTC with microseconds.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: formatInstant,
  parseValue: (value) => parseInstant(typeof value === 'string' ? value : ''),
  parseLiteral: (node) => parseInstant(node.kind === Kind.STRING ? node.value : ''),
});

builder.scalarType('Metadata', {
  description:
    `A JSON object (RFC 8259) whose values are strings, such as {"order": "42"}. At most ${MAX_METADATA_KEYS} keys and ` +
    `${MAX_METADATA_BYTES} bytes of JSON. Keys have no quotation marks, backslashes or control characters. The ledger stores it ` +
    'without interpreting it. Put no secrets in it.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  serialize: (metadata) => metadata,
  parseValue: readMetadata,
  parseLiteral: (node, variables) =>
    readMetadata(node.kind === Kind.OBJECT ? fieldsOf(node, variables) : undefined),
});

const NO_DECIMAL = 'must be decimal text such as "12.34"; a JSON number in variables must be a safe integer';
const NO_INTEGER = 'must be an integer as decimal text; a JSON number in variables must be a safe integer';
const NO_METADATA = 'must be a JSON object whose values are strings';

function parseDecimalValue(value: unknown): string | Malformed {
  if (typeof value === 'string') return value;
  return Number.isSafeInteger(value) ? String(value) : new Malformed(NO_DECIMAL);
}

function readInteger(text: string): bigint | Malformed {
  return /^-?\d{1,19}$/.test(text) ? BigInt(text) : new Malformed(NO_INTEGER);
}

function readMetadata(value: unknown): Metadata | Malformed {
  return isMetadata(value) ? value : new Malformed(NO_METADATA);
}

function isMetadata(value: unknown): value is Metadata {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((text) => typeof text === 'string');
}

type Variables = Readonly<Record<string, unknown>> | null | undefined;

/** Returns the fields of an object literal. A field whose variable has no value is omitted. */
function fieldsOf({ fields }: ObjectValueNode, variables: Variables): Record<string, unknown> {
  return Object.fromEntries(
    fields.flatMap(({ name, value }): [string, unknown][] => {
      const text = textOf(value, variables);
      return text === undefined ? [] : [[name.value, text]];
    }),
  );
}

function textOf(node: ValueNode, variables: Variables): unknown {
  if (node.kind === Kind.VARIABLE) return variables?.[node.name.value];
  return node.kind === Kind.STRING ? node.value : null;
}
