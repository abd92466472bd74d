import { balanceOf, heldOf, type Side } from '../../core/account.ts';
import type { Entry } from '../../core/transaction.ts';
import { formatEntryId, parseEntryId } from '../../core/values/ids.ts';
import type { Money } from '../../core/values/money.ts';
import { builder } from '../builder.ts';
import { getAccount, getTransaction } from '../context.ts';
import { DESCRIPTION_COST, TRANSACTION_COST } from '../protection/cost.ts';

export const SideEnum = builder.enumType('Side', {
  description: 'The two sides of the books.',
  values: {
    DEBIT: {
      description: 'Left. It raises the balance of a DEBIT account and lowers that of a CREDIT account.',
    },
    CREDIT: {
      description: 'Right. It raises the balance of a CREDIT account and lowers that of a DEBIT account.',
    },
  } satisfies Record<Side, object>,
});

export const LayerEnum = builder.enumType('Layer', {
  description: "Which of an account's balances an entry moves.",
  values: {
    POSTED: { description: 'The balance itself.' },
    PENDING: { description: 'Money that is reserved: what a hold places, and what ends it.' },
  },
});

builder.node('Entry', {
  description:
    'One debit or credit line of one account, with the balance that it left. Entries are never changed or removed; those ' +
    'of a transaction add up to zero in each currency.',
  id: {
    description: 'Names the entry: `ent_…`, made from its account and version.',
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
      description: 'The transaction that this is a line of.',
      resolve: ({ transactionId }, _, context) => getTransaction(context, transactionId),
    }),
    account: t.field({
      type: 'Account',
      description: 'The account that it moved, as it is now.',
      resolve: ({ accountId }, _, context) => getAccount(context, accountId),
    }),
    side: t.field({
      type: SideEnum,
      description: 'The side of the books on which it stands.',
      resolve: sideOf,
    }),
    layer: t.field({
      type: LayerEnum,
      description: 'Whether it moved the balance itself or money that is reserved.',
      resolve: shownLayer,
    }),
    amount: t.field({
      type: 'Money',
      description: 'How much, always positive; `side` says in which direction.',
      resolve: sizeOfEntry,
    }),
    description: t.exposeString('description', {
      nullable: true,
      complexity: DESCRIPTION_COST,
      description: 'What the caller noted for this line; null where nothing was, or where it was erased.',
    }),
    balanceAfter: t.field({
      type: 'Money',
      description: "The account's posted balance right after this entry, positive on its normal side.",
      resolve: balanceAfter,
    }),
    heldAfter: t.field({
      type: 'Money',
      description: "What of the account's balance was held right after this entry.",
      resolve: heldAfter,
    }),
    version: t.field({
      type: 'BigInt',
      description: "This is the account's n-th entry: 1, 2, 3 … without a gap.",
      resolve: ({ version }) => version,
    }),
    effectiveAt: t.field({
      type: 'DateTime',
      description: "When it counts economically: the transaction's effectiveAt.",
      resolve: ({ effectiveAt, createdAt }) => effectiveAt ?? createdAt,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: "When it was recorded. Along an account's versions it never decreases.",
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

builder.objectType('EntryPreview', {
  description: 'An entry as it would be recorded.',
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account that it would move, as it is now.',
      resolve: ({ accountId }, _, context) => getAccount(context, accountId),
    }),
    side: t.field({
      type: SideEnum,
      description: 'The side of the books on which it would stand.',
      resolve: sideOf,
    }),
    layer: t.field({
      type: LayerEnum,
      description: 'Whether it would move the balance itself or money that is reserved.',
      resolve: shownLayer,
    }),
    amount: t.field({ type: 'Money', description: 'How much, always positive.', resolve: sizeOfEntry }),
    balanceAfter: t.field({
      type: 'Money',
      description: "The account's posted balance that it would leave, positive on its normal side.",
      resolve: balanceAfter,
    }),
    heldAfter: t.field({
      type: 'Money',
      description: "What of the account's balance would then be held.",
      resolve: heldAfter,
    }),
  }),
});

/** An amount without its sign. */
export function sizeOf(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}

export function sideOf({ amount }: Pick<Entry, 'amount'>): Side {
  return amount < 0n ? 'DEBIT' : 'CREDIT';
}

/** What ends a reservation is shown in the layer of what made it. */
export function shownLayer({ layer }: Pick<Entry, 'layer'>): 'POSTED' | 'PENDING' {
  return layer === 'POSTED' ? 'POSTED' : 'PENDING';
}

function sizeOfEntry({ amount, currency }: Entry): Money {
  return { minor: sizeOf(amount), currency };
}

function balanceAfter({ normalSide, postedAfter, currency }: Entry): Money {
  return { minor: balanceOf(normalSide, { posted: postedAfter }), currency };
}

function heldAfter({ normalSide, currency, ...after }: Entry): Money {
  const {
    postedAfter: posted,
    pendingDebitsAfter: pendingDebits,
    pendingCreditsAfter: pendingCredits,
  } = after;
  return { minor: heldOf(normalSide, { posted, pendingDebits, pendingCredits }), currency };
}
