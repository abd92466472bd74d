import { type GraphQLNamedType, isEnumType } from 'graphql';
import { SCOPES } from '../../core/access/viewer.ts';
import { MAX_DESCRIPTION_BYTES, MAX_METADATA_BYTES, MAX_NAME_BYTES } from '../../core/values/text.ts';

/** Returns the maximum size of a text in JSON: each byte may be a control character, whose escape has six bytes. */
const asJson = (bytes: number) => 6 * bytes + 2;

/** The maximum bytes of a scalar's value in JSON. */
const SCALAR_BYTES: Readonly<Record<string, number>> = {
  Boolean: 5,
  Int: 11,
  BigInt: 21,
  Decimal: 80,
  DateTime: 29,
  ID: 64,
  Metadata: MAX_METADATA_BYTES,
  String: asJson(MAX_NAME_BYTES),
};

/** Fields of type String whose maximum differs from that of a name. */
const TEXT_BYTES: Readonly<Record<string, number>> = {
  description: asJson(MAX_DESCRIPTION_BYTES),
  __typename: 40,
  // An excerpt of the input, and facts of bounded size.
  message: 1500,
  code: 14,
  currency: 14,
  cursor: 400,
  startCursor: 400,
  endCursor: 400,
  hash: 66,
  // Two names, whose control characters are escaped twice, and short values.
  before: 2 * 7 * MAX_NAME_BYTES + 1000,
  after: 2 * 7 * MAX_NAME_BYTES + 1000,
};

const ENUM_BYTES = 40;
/** `differingFields` lists names of input fields. */
const LEAF_LIST_BYTES = 2000;

/** Returns the maximum bytes of a field's value in JSON, if the service made the value or limits its size. */
export function bytesOfLeaf(type: GraphQLNamedType, field: string): number {
  if (field === 'differingFields') return LEAF_LIST_BYTES;
  if (field === 'scopes') return SCOPES.length * ENUM_BYTES;
  if (isEnumType(type)) return ENUM_BYTES;
  return (type.name === 'String' ? TEXT_BYTES[field] : undefined) ?? SCALAR_BYTES[type.name] ?? ENUM_BYTES;
}

/** Fields of refusals that repeat a text of the request, whatever its length. */
const AS_GIVEN: ReadonlySet<string> = new Set([
  'AccountNotFoundError.accountId',
  'ApiKeyNotFoundError.apiKeyId',
  'HoldNotFoundError.holdId',
  'SameAccountError.accountId',
  'TransactionNotFoundError.transactionId',
  'UnknownCurrencyError.currency',
]);

export function isAsGiven(type: string, field: string): boolean {
  return AS_GIVEN.has(`${type}.${field}`);
}

/** Fields of a transaction and its entries that repeat a text of the request that posted it. */
const OWN_TEXTS: ReadonlySet<string> = new Set(['idempotencyKey', 'externalId', 'description', 'metadata']);

export function isOwnText(field: string): boolean {
  return OWN_TEXTS.has(field);
}
