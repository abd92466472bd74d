/** All refusal types, for the unions of the mutations. */
export * from './access.ts';
export * from './accounts.ts';
export * from './amounts.ts';
export * from './balances.ts';
export * from './common.ts';
export * from './holds.ts';
export { type RefusalType, refusalTypeName } from './refusal.ts';
export * from './requests.ts';
export * from './transactions.ts';
