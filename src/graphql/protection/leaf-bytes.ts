import { type GraphQLNamedType, isEnumType } from 'graphql';
import { MAX_DESCRIPTION_BYTES, MAX_METADATA_BYTES, MAX_NAME_BYTES } from '../../core/values/text.ts';

/** What JSON makes of a text of so many bytes at most: each may be a control character, which becomes an escape of six. */
const asJson = (bytes: number) => 6 * bytes + 2;

/** Bytes of JSON that a value of a scalar has at most. */
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

/** Fields of type String that are larger or far smaller than a name. */
const TEXT_BYTES: Readonly<Record<string, number>> = {
  description: asJson(MAX_DESCRIPTION_BYTES),
  // An excerpt of what was given, and facts of fixed size.
  message: 1500,
  code: 14,
  currency: 14,
  cursor: 400,
  startCursor: 400,
  endCursor: 400,
  hash: 66,
};

const ENUM_BYTES = 40;
/** `differingFields` has names of an input's fields. */
const LEAF_LIST_BYTES = 2000;

/** How much JSON a value of this field has at most, where the service itself made it or has limited its size. */
export function bytesOfLeaf(type: GraphQLNamedType, field: string): number {
  if (field === 'differingFields') return LEAF_LIST_BYTES;
  if (isEnumType(type)) return ENUM_BYTES;
  return (type.name === 'String' ? TEXT_BYTES[field] : undefined) ?? SCALAR_BYTES[type.name] ?? ENUM_BYTES;
}

/** Fields of refusals that repeat a text of the request as it was given, however long it is. */
const AS_GIVEN: ReadonlySet<string> = new Set([
  'AccountNotFoundError.accountId',
  'HoldNotFoundError.holdId',
  'SameAccountError.accountId',
  'TransactionNotFoundError.transactionId',
  'UnknownCurrencyError.currency',
]);

export function isAsGiven(type: string, field: string): boolean {
  return AS_GIVEN.has(`${type}.${field}`);
}

/** Texts of a transaction, and of its entries, that its own request brought. */
const OWN_TEXTS: ReadonlySet<string> = new Set(['idempotencyKey', 'externalId', 'description', 'metadata']);

export function isOwnText(field: string): boolean {
  return OWN_TEXTS.has(field);
}
