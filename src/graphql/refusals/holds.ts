import { getHold } from '../context.ts';
import { CODES, LedgerError, typeOf } from './refusal.ts';

export const HoldNotFoundError = typeOf('HOLD_NOT_FOUND').implement({
  interfaces: [LedgerError],
  description: CODES.HOLD_NOT_FOUND,
  fields: (t) => ({
    holdId: t.id({
      description: 'The hold as given in the request.',
      resolve: ({ facts }) => facts.holdId,
    }),
  }),
});

export const HoldNotOpenError = typeOf('HOLD_NOT_OPEN').implement({
  interfaces: [LedgerError],
  description: CODES.HOLD_NOT_OPEN,
  fields: (t) => ({
    hold: t.field({
      type: 'Hold',
      description: 'The hold, in its current state.',
      resolve: ({ facts }, _, context, info) => getHold(context, facts.hold, info),
    }),
  }),
});

export const HoldExpiredError = typeOf('HOLD_EXPIRED').implement({
  interfaces: [LedgerError],
  description: CODES.HOLD_EXPIRED,
  fields: (t) => ({
    hold: t.field({
      type: 'Hold',
      description: 'The hold, in its current state: OPEN until its release is recorded.',
      resolve: ({ facts }, _, context, info) => getHold(context, facts.hold, info),
    }),
  }),
});

export const HoldAmountExceededError = typeOf('HOLD_AMOUNT_EXCEEDED').implement({
  interfaces: [LedgerError],
  description: CODES.HOLD_AMOUNT_EXCEEDED,
  fields: (t) => ({
    hold: t.field({
      type: 'Hold',
      description: 'The hold, in its current state.',
      resolve: ({ facts }, _, context, info) => getHold(context, facts.hold, info),
    }),
    remaining: t.field({
      type: 'Money',
      description: 'The amount that could still be captured.',
      resolve: ({ facts }) => facts.remaining,
    }),
    requested: t.field({
      type: 'Money',
      description: 'The requested amount.',
      resolve: ({ facts }) => facts.requested,
    }),
  }),
});
