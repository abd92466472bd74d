import { Kind, type ObjectValueNode, type ValueNode } from 'graphql';
import { formatInstant, parseInstant } from '../core/values/instant.ts';
import { MAX_METADATA_BYTES, MAX_METADATA_KEYS, Malformed, type Metadata } from '../core/values/text.ts';
import { builder } from './builder.ts';

// The scalars parse leniently: what is none of their kind becomes `Malformed` and never fails the document, so that its
// refusal can name the field. Validation parses literals too, and does so before it knows the variables.

builder.scalarType('Decimal', {
  description:
    'Exact decimal text such as "12.34": digits, optionally a point and digits; a minus sign only where a limit may be ' +
    "negative; no exponent, no spaces. At most 38 digits of the currency's minor units. Nothing is ever rounded: more " +
    "decimals than the currency has, even zeros, are INVALID_AMOUNT. Answers show the currency's full scale. Send strings. " +
    'A number literal in the document is taken by its exact text; in variables a JSON number is taken only when it is a ' +
    'safe integer.',
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
    'An integer beyond 32 bits, as decimal text such as "9007199254740993". In variables a JSON number is taken only when ' +
    'it is a safe integer.',
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
    'An instant as RFC 3339 has it, such as "2026-01-31T12:00:00.000000Z": with a time zone, with at most six decimals of ' +
    'a second, in the years 0001 to 9999. Answers are in UTC with microseconds.',
  serialize: formatInstant,
  parseValue: (value) => parseInstant(typeof value === 'string' ? value : ''),
  parseLiteral: (node) => parseInstant(node.kind === Kind.STRING ? node.value : ''),
});

builder.scalarType('Metadata', {
  description:
    `A JSON object whose values are strings, such as {"order": "42"}: at most ${MAX_METADATA_KEYS} keys, ` +
    'without quotation marks, backslashes and control characters, and ' +
    `${MAX_METADATA_BYTES} bytes as JSON. The ledger keeps it and never reads it. Put no secrets in it.`,
  serialize: (metadata) => metadata,
  parseValue: readMetadata,
  parseLiteral: (node, variables) =>
    readMetadata(node.kind === Kind.OBJECT ? fieldsOf(node, variables) : undefined),
});

const NO_DECIMAL =
  'must be decimal text such as "12.34"; in variables a JSON number is taken only when it is a safe integer';
const NO_INTEGER =
  'must be an integer as decimal text; in variables a JSON number is taken only when it is a safe integer';
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

/** The fields of an object literal; one that names a variable without a value is absent. */
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
