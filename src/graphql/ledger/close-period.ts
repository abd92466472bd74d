import { toPeriodEnd } from '../../core/close-period.ts';
import type { Refusal } from '../../core/errors.ts';
import type { PeriodClosed } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { settle } from '../context.ts';
import * as refusals from '../refusals/refusals.ts';

const ClosePeriodInput = builder.inputType('ClosePeriodInput', {
  description: 'The period to close.',
  fields: (t) => ({
    before: t.field({
      type: 'DateTime',
      required: true,
      description:
        'The end of the period: an effectiveAt before this instant is rejected. At least 5 seconds in the past.',
    }),
  }),
});

builder.objectType('PeriodClosed', {
  description: 'The period is closed, up to the requested instant or a later one.',
  fields: (t) => ({
    ledger: t.expose('ledger', {
      type: 'Ledger',
      description: 'The ledger in its current state. Its `closedBefore` is the end of the closed period.',
    }),
  }),
});

const ClosePeriodResult = builder.unionType('ClosePeriodResult', {
  description: 'The ledger, or the reason why the period was not closed.',
  types: ['PeriodClosed', ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) => (code === 'CLOSED' ? 'PeriodClosed' : refusals.refusalTypeName(code)),
});

builder.mutationField('closePeriod', (t) =>
  t.field({
    type: ClosePeriodResult,
    nullable: true,
    description:
      'Closes the books before an instant, permanently: an effectiveAt before it is rejected with PERIOD_CLOSED. An instant before ' +
      '`closedBefore` changes nothing. An instant within the last 5 seconds is INVALID_INPUT.',
    args: {
      input: t.arg({ type: ClosePeriodInput, required: true, description: 'The period.' }),
    },
    resolve: async (_, { input }, context): Promise<PeriodClosed | Refusal> => {
      const end = toPeriodEnd(input);
      return settle(
        context,
        'code' in end ? end : await context.ledger.closePeriod(end, context.notes.requestId),
      );
    },
  }),
);
