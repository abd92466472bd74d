import { type Hold, type HoldStatus, remainingOf } from '../../core/hold.ts';
import { formatId, parseId, type Uuid } from '../../core/values/ids.ts';
import type { Money } from '../../core/values/money.ts';
import type { Party } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { type Context, getHold, getParties, getVisibleAccount } from '../context.ts';
import { STATEMENT_COST } from '../protection/prices.ts';

export const HoldStatusEnum = builder.enumType('HoldStatus', {
  description: 'The status of a hold.',
  values: {
    OPEN: {
      description:
        'The remaining amount is reserved. An expired hold stays OPEN for a few seconds, until its release is recorded.',
    },
    CAPTURED: { description: 'It was captured completely, or by a final capture.' },
    VOIDED: { description: 'It was voided. The remaining amount was released.' },
    EXPIRED: { description: 'It expired. The remaining amount was released.' },
  } satisfies Record<HoldStatus, object>,
});

builder.node('Hold', {
  description:
    'A reservation of money: `held` on the account that would pay, `incoming` on the one that would receive. It ends when it is ' +
    'captured, in one or several parts, voided or expired.',
  id: {
    description: 'The id of the hold: `hold_…`. Ids are ordered by `createdAt`.',
    resolve: ({ id }) => formatId('hold', id),
  },
  loadWithoutCache: (id, { loaders: { holds } }) => {
    const uuid = parseId('hold', id);
    return uuid === undefined ? null : holds.load(uuid);
  },
  fields: (t) => ({
    from: t.field({
      type: 'Account',
      nullable: true,
      description:
        'The account that captures debit, in its current state. Null: the caller may not read that account.',
      resolve: ({ fromAccountId }, _, context, info) => getVisibleAccount(context, fromAccountId, info),
    }),
    to: t.field({
      type: 'Account',
      nullable: true,
      description:
        'The account that captures credit, in its current state. Null: the caller may not read that account.',
      resolve: ({ toAccountId }, _, context, info) => getVisibleAccount(context, toAccountId, info),
    }),
    fromParty: t.field({
      type: 'Party',
      description: 'The account that captures debit, as the other party may read it.',
      resolve: (hold, _, context) => getParty(context, hold, hold.fromAccountId),
    }),
    toParty: t.field({
      type: 'Party',
      description: 'The account that captures credit, as the other party may read it.',
      resolve: (hold, _, context) => getParty(context, hold, hold.toAccountId),
    }),
    amount: t.field({
      type: 'Money',
      description: 'The reserved amount.',
      resolve: (hold) => money(hold, hold.amount),
    }),
    captured: t.field({
      type: 'Money',
      description: 'The amount captured so far.',
      resolve: (hold) => money(hold, hold.captured),
    }),
    remaining: t.field({
      type: 'Money',
      description: 'The amount that is still reserved. 0 if the status is not OPEN.',
      resolve: (hold) => money(hold, remainingOf(hold)),
    }),
    status: t.expose('status', { type: HoldStatusEnum, description: 'The status of the hold.' }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'From this instant on, captures are rejected. The remaining amount is released within seconds. Null: it never expires.',
      resolve: ({ expiresAt }) => expiresAt,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When the hold was placed.',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

builder.objectField('Transaction', 'hold', (t) =>
  t.field({
    type: 'Hold',
    nullable: true,
    description:
      'The hold that the transaction placed, captured or released, in its current state. Null: the transaction has no hold.',
    resolve: ({ holdId }, _, context, info) => (holdId === null ? null : getHold(context, holdId, info)),
  }),
);

builder.queryField('hold', (t) =>
  t.field({
    type: 'Hold',
    nullable: true,
    complexity: STATEMENT_COST,
    description: 'The hold with this id. Null: it does not exist.',
    args: {
      id: t.arg.id({
        required: true,
        description:
          'The id, `hold_…`, or `ext:<externalId>` of the transaction that placed it, such as `ext:order-42`.',
      }),
    },
    resolve: async (_, { id }, { ledger, loaders: { holds } }) => {
      const uuid = await ledger.holdIdOf(id);
      return uuid === undefined ? null : holds.load(uuid);
    },
  }),
);

async function getParty(context: Context, { id }: Hold, accountId: Uuid): Promise<Party> {
  const party = (await getParties(context, id)).find((each) => each.accountId === accountId);
  if (party === undefined) throw new TypeError(`the hold ${id} does not move the account ${accountId}`);
  return party;
}

function money({ currency }: Hold, minor: bigint): Money {
  return { minor, currency };
}
