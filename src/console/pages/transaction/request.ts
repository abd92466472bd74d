/** The request that would post the same transaction again, as a value that is written as GraphQL or as a call of the client. */
import type { TransactionDetails } from '../../data/transactions.ts';

export type Value =
  | string
  | boolean
  | { readonly constant: string }
  | { readonly metadata: Readonly<Record<string, string>> }
  | { readonly list: readonly Fields[] };

export type Fields = readonly (readonly [name: string, value: Value])[];

export interface CopiedRequest {
  /** The name of the mutation, which the method of the client has too. */
  readonly mutation: string;
  /** All fields of the input but the idempotency key, which has to be a new one. */
  readonly fields: Fields;
  /** Notes for the reader of the copy, one line each. */
  readonly notes: readonly string[];
}

/**
 * Returns the request that would post a transaction again; undefined where the viewer does not see all of it, or where the ledger itself
 * made the transaction.
 *
 * The copy has neither the idempotency key nor the external id of the original. With its key the ledger would return the original, and
 * its external id is taken.
 */
export function toRequest(transaction: TransactionDetails): CopiedRequest | undefined {
  const { idempotencyKey, keyAccount, externalId, type } = transaction;
  if (idempotencyKey == null || keyAccount == null) return undefined;
  const request = REQUESTS[type](transaction, keyAccount.id);
  if (request === undefined) return undefined;
  return {
    mutation: request.mutation,
    fields: [...request.fields, ...commonFields(transaction)],
    notes: [
      `Posts a ${type} like ${transaction.id} again. Money moves a second time.`,
      `The original has the idempotency key ${quote(idempotencyKey)} of the account ${keyAccount.id}.`,
      ...(externalId == null ? [] : [`The external id ${quote(externalId)} is taken by the original.`]),
      ...(request.notes ?? []),
    ],
  };
}

interface Request {
  readonly mutation: string;
  readonly fields: Fields;
  readonly notes?: readonly string[];
}

type ToRequest = (transaction: TransactionDetails, keyAccountId: string) => Request | undefined;

const REQUESTS: Readonly<Record<TransactionDetails['type'], ToRequest>> = {
  DEPOSIT: (transaction, accountId) => ofAmount('deposit', transaction, [['accountId', accountId]]),
  WITHDRAWAL: (transaction, accountId) => ofAmount('withdraw', transaction, [['accountId', accountId]]),
  TRANSFER: (transaction, fromId) => between('transfer', transaction, fromId),
  HOLD: (transaction, fromId) => {
    const request = between('placeHold', transaction, fromId);
    const expiresAt = transaction.hold?.expiresAt;
    if (request === undefined || expiresAt == null) return request;
    return {
      ...request,
      fields: [...request.fields, ['expiresAt', expiresAt]],
      notes: ['expiresAt is an instant in the future.'],
    };
  },
  CAPTURE: (transaction) => {
    const { hold, entries, amount } = transaction;
    if (hold == null || amount == null) return undefined;
    const sizeOf = (layer: 'POSTED' | 'PENDING') =>
      entries.find((entry) => entry.layer === layer)?.amount.amount;
    // A capture that released more than it captured was the final one.
    const isFinal = sizeOf('POSTED') !== sizeOf('PENDING');
    return {
      mutation: 'captureHold',
      fields: [
        ['holdId', hold.id],
        ['amount', amount.amount],
        ['final', isFinal],
      ],
    };
  },
  RELEASE: ({ hold }) => (hold == null ? undefined : { mutation: 'voidHold', fields: [['holdId', hold.id]] }),
  JOURNAL: ({ entries, parties }, keyAccountId) => {
    const seen = new Set(entries.map(({ account }) => account.id));
    if (!parties.every(({ accountId }) => seen.has(accountId))) return undefined;
    const list = entries.map(
      ({ account, side, amount, description }): Fields => [
        ['accountId', account.id],
        ['side', { constant: side }],
        ['amount', amount.amount],
        ...textField('description', description),
      ],
    );
    return {
      mutation: 'postTransaction',
      fields: [
        ['keyAccountId', keyAccountId],
        ['entries', { list }],
      ],
    };
  },
  REVERSAL: ({ reverses, entries, amount }) => {
    if (reverses == null) return undefined;
    // Only a transaction of two entries is reversed by an amount.
    const part = entries.length === 2 && amount != null ? textField('amount', amount.amount) : [];
    return { mutation: 'reverseTransaction', fields: [['transactionId', reverses.id], ...part] };
  },
};

function ofAmount(mutation: string, { amount }: TransactionDetails, accounts: Fields): Request | undefined {
  return amount == null ? undefined : { mutation, fields: [...accounts, ['amount', amount.amount]] };
}

/** The key account of a transfer or a hold is the one that pays. */
function between(mutation: string, transaction: TransactionDetails, fromId: string): Request | undefined {
  const to = transaction.parties.find(({ accountId }) => accountId !== fromId);
  if (to === undefined) return undefined;
  return ofAmount(mutation, transaction, [
    ['fromAccountId', fromId],
    ['toAccountId', to.accountId],
  ]);
}

function commonFields(transaction: TransactionDetails): Fields {
  const { type, description, metadata, effectiveAt, createdAt } = transaction;
  // The release of a hold is effective at once.
  const isBackdated = effectiveAt !== createdAt && type !== 'RELEASE';
  return [
    ...textField('description', description),
    ...(Object.keys(metadata).length === 0 ? [] : [['metadata', { metadata }] as const]),
    ...(isBackdated ? textField('effectiveAt', effectiveAt) : []),
  ];
}

function textField(name: string, value: string | null | undefined): Fields {
  return value == null ? [] : [[name, value]];
}

/** Returns a text as a literal of JSON on one line, which is also one of GraphQL and of TypeScript. */
export function quote(text: string): string {
  // These two end a line, and with it a comment, in TypeScript.
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}
