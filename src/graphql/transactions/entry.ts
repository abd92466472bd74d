import { balanceOf, heldOf, type Side } from '../../core/account.ts';
import type { Entry } from '../../core/transaction.ts';
import { formatEntryId, parseEntryId } from '../../core/values/ids.ts';
import type { Money } from '../../core/values/money.ts';
import { builder } from '../builder.ts';
import { getAccount, getTransaction } from '../context.ts';
import { DESCRIPTION_COST, TRANSACTION_COST } from '../protection/prices.ts';

export const SideEnum = builder.enumType('Side', {
  description: 'A side of the books.',
  values: {
    DEBIT: {
      description:
        'The left side. It raises the balance of a DEBIT account and lowers that of a CREDIT account.',
    },
    CREDIT: {
      description:
        'The right side. It raises the balance of a CREDIT account and lowers that of a DEBIT account.',
    },
  } satisfies Record<Side, object>,
});

export const LayerEnum = builder.enumType('Layer', {
  description: 'The kind of balance that an entry changes.',
  values: {
    POSTED: { description: 'The posted balance.' },
    PENDING: { description: 'Reserved money, which holds place and release.' },
  },
});

builder.node('Entry', {
  description:
    'One debit or credit of one account, with the balance after it. Entries are never changed or removed. The entries of a ' +
    'transaction sum to zero in each currency.',
  id: {
    description: 'The id of the entry: `ent_…`, derived from its account and version.',
    resolve: ({ accountId, version }) => formatEntryId(accountId, version),
  },
  loadWithoutCache: (id, { loaders: { entries } }) => {
    const place = parseEntryId(id);
    return place === undefined ? null : entries.load(place);
  },
  fields: (t) => ({
    transaction: t.field({
      type: 'Transaction',
      complexity: TRANSACTION_COST,
      description: 'The transaction of the entry.',
      resolve: ({ transactionId }, _, context, info) => getTransaction(context, transactionId, info),
    }),
    account: t.field({
      type: 'Account',
      description: 'The account of the entry, in its current state.',
      resolve: ({ accountId }, _, context, info) => getAccount(context, accountId, info),
    }),
    side: t.field({
      type: SideEnum,
      description: 'The side of the books.',
      resolve: sideOf,
    }),
    layer: t.field({
      type: LayerEnum,
      description: 'POSTED if it changed the balance, PENDING if it changed reserved money.',
      resolve: shownLayer,
    }),
    amount: t.field({
      type: 'Money',
      description: 'The amount, always positive. `side` is its direction.',
      resolve: sizeOfEntry,
    }),
    description: t.exposeString('description', {
      nullable: true,
      complexity: DESCRIPTION_COST,
      description: 'The note of the caller for this entry. Null: none was given, or it was erased.',
    }),
    balanceAfter: t.field({
      type: 'Money',
      description: 'The posted balance of the account after this entry, positive on its normal side.',
      resolve: balanceAfter,
    }),
    heldAfter: t.field({
      type: 'Money',
      description: 'The held amount of the account after this entry.',
      resolve: heldAfter,
    }),
    version: t.field({
      type: 'BigInt',
      description: 'The number of the entry within the account: 1, 2, 3 … without a gap.',
      resolve: ({ version }) => version,
    }),
    effectiveAt: t.field({
      type: 'DateTime',
      description: 'The effective time of the transaction.',
      resolve: ({ effectiveAt, createdAt }) => effectiveAt ?? createdAt,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description:
        'When the entry was recorded. It never decreases from one version of an account to the next.',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

/** Returns an amount without its sign. */
export function sizeOf(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}

export function sideOf({ amount }: Pick<Entry, 'amount'>): Side {
  return amount < 0n ? 'DEBIT' : 'CREDIT';
}

/** Returns the layer that callers see: entries that release a reservation count as PENDING. */
export function shownLayer({ layer }: Pick<Entry, 'layer'>): 'POSTED' | 'PENDING' {
  return layer === 'POSTED' ? 'POSTED' : 'PENDING';
}

export function sizeOfEntry({ amount, currency }: Entry): Money {
  return { minor: sizeOf(amount), currency };
}

export function balanceAfter({ normalSide, postedAfter, currency }: Entry): Money {
  return { minor: balanceOf(normalSide, { posted: postedAfter }), currency };
}

export function heldAfter({ normalSide, currency, ...after }: Entry): Money {
  const {
    postedAfter: posted,
    pendingDebitsAfter: pendingDebits,
    pendingCreditsAfter: pendingCredits,
  } = after;
  return { minor: heldOf(normalSide, { posted, pendingDebits, pendingCredits }), currency };
}
