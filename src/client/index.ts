/** The client of the ledger service: `import { createLedgerClient } from 'transactional-ledger/client'`. */
export { createLedgerClient, type LedgerClient } from './client.ts';
export {
  type GraphQLFault,
  IntentConflict,
  KeyStoreError,
  OutcomeUnknown,
  PermissionDenied,
  RequestRejected,
  TokenError,
  UnauthenticatedError,
  Unreachable,
} from './errors.ts';
export { NoAnswer } from './failures.ts';
export * from './generated.ts';
export type { List, Page, PageOptions } from './lists.ts';
export { fromMinor, toMinor } from './money.ts';
export type {
  BatchOptions,
  CallOptions,
  ChangeOptions,
  LedgerClientOptions,
  MutationOptions,
} from './options.ts';
export {
  type DoneOf,
  isPosted,
  isRefusal,
  LedgerRefusal,
  type PostedOf,
  type RefusalOf,
  unwrap,
} from './refusals.ts';
export { indexedDBStore, type KeyStore, type WebStorage } from './stores.ts';
export type { TokenSource } from './tokens.ts';
export type { AnyDocument, TypedDocument } from './transport.ts';
export type * from './types.ts';
