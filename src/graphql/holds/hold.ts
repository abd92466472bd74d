import { type Hold, type HoldStatus, remainingOf } from '../../core/hold.ts';
import { formatId, parseId } from '../../core/values/ids.ts';
import type { Money } from '../../core/values/money.ts';
import { builder } from '../builder.ts';
import { getAccount, getHold } from '../context.ts';

export const HoldStatusEnum = builder.enumType('HoldStatus', {
  description: 'What has become of a hold.',
  values: {
    OPEN: {
      description:
        'What remains of it is reserved. So it is until its end is recorded, also for the moments in which it has expired.',
    },
    CAPTURED: { description: 'It was captured to its end: to the last unit, or by a final capture.' },
    VOIDED: { description: 'It was voided, and what remained of it is free again.' },
    EXPIRED: { description: 'It has expired, and what remained of it is free again.' },
  } satisfies Record<HoldStatus, object>,
});

builder.node('Hold', {
  description:
    'Money that is reserved: `held` on the account that it would leave, `incoming` on the one that it would reach. It is ' +
    'captured, in one part or several, or it is voided or expires.',
  id: {
    description: 'Names the hold: `hold_…`. In the order of these ids holds were placed.',
    resolve: ({ id }) => formatId('hold', id),
  },
  loadWithoutCache: (id, { loaders: { holds } }) => {
    const uuid = parseId('hold', id);
    return uuid === undefined ? null : holds.load(uuid);
  },
  fields: (t) => ({
    from: t.field({
      type: 'Account',
      description: 'The account that captures debit, as it is now.',
      resolve: ({ fromAccountId }, _, context) => getAccount(context, fromAccountId),
    }),
    to: t.field({
      type: 'Account',
      description: 'The account that captures credit, as it is now.',
      resolve: ({ toAccountId }, _, context) => getAccount(context, toAccountId),
    }),
    amount: t.field({
      type: 'Money',
      description: 'How much was reserved.',
      resolve: (hold) => money(hold, hold.amount),
    }),
    captured: t.field({
      type: 'Money',
      description: 'How much of it was captured so far.',
      resolve: (hold) => money(hold, hold.captured),
    }),
    remaining: t.field({
      type: 'Money',
      description: 'How much of it is still reserved, and can be captured; 0 once it is not OPEN.',
      resolve: (hold) => money(hold, remainingOf(hold)),
    }),
    status: t.expose('status', { type: HoldStatusEnum, description: 'What has become of it.' }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'From this instant on nothing can be captured of it, and within seconds what remains is free again. Null: never.',
      resolve: ({ expiresAt }) => expiresAt,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was placed.',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

builder.objectField('Transaction', 'hold', (t) =>
  t.field({
    type: 'Hold',
    nullable: true,
    description:
      'The hold that this one placed, captured or released, as it is now; null where it is none of these.',
    resolve: ({ holdId }, _, context) => (holdId === null ? null : getHold(context, holdId)),
  }),
);

builder.queryField('hold', (t) =>
  t.field({
    type: 'Hold',
    nullable: true,
    description: 'A hold; null where there is none.',
    args: {
      id: t.arg.id({
        required: true,
        description:
          'Its id, `hold_…`, or `ext:` and the externalId of the transaction that placed it, such as `ext:order-42`.',
      }),
    },
    resolve: async (_, { id }, { ledger, loaders: { holds } }) => {
      const uuid = await ledger.holdIdOf(id);
      return uuid === undefined ? null : holds.load(uuid);
    },
  }),
);

function money({ currency }: Hold, minor: bigint): Money {
  return { minor, currency };
}
