/** The client of the ledger service: `import { createLedgerClient } from 'transactional-ledger/client'`. */
export {
  type BatchOptions,
  type CallOptions,
  createLedgerClient,
  type LedgerClient,
  type LedgerClientOptions,
  type MutationOptions,
} from './client.ts';
export { type GraphQLFault, IntentConflict, OutcomeUnknown, RequestRejected, Unreachable } from './errors.ts';
export { NoAnswer } from './failures.ts';
export * from './generated.ts';
export { fromMinor, toMinor } from './money.ts';
export { isRefusal, type RefusalOf } from './refusals.ts';
export { indexedDBStore, type KeyStore, type WebStorage } from './stores.ts';
export type { AnyDocument, TypedDocument } from './transport.ts';
export type * from './types.ts';
