import { toPeriodEnd } from '../core/close-period.ts';
import type { Refusal } from '../core/errors.ts';
import type { PeriodClosed } from '../ledger/ledger.ts';
import { builder } from './builder.ts';
import { settle } from './context.ts';
import * as refusals from './refusals.ts';

const ClosePeriodInput = builder.inputType('ClosePeriodInput', {
  description: 'The period that is to be closed.',
  fields: (t) => ({
    before: t.field({
      type: 'DateTime',
      required: true,
      description: 'From then on nothing is taken whose effectiveAt lies before it. At least 5 seconds ago.',
    }),
  }),
});

builder.objectType('PeriodClosed', {
  description: 'The period is closed, until the instant that was asked for or a later one.',
  fields: (t) => ({
    ledger: t.expose('ledger', {
      type: 'Ledger',
      description: 'The ledger as it is now; its `closedBefore` says until when.',
    }),
  }),
});

const ClosePeriodResult = builder.unionType('ClosePeriodResult', {
  description: 'The ledger, or why the period was not closed.',
  types: ['PeriodClosed', ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) => (code === 'CLOSED' ? 'PeriodClosed' : refusals.refusalTypeName(code)),
});

builder.mutationField('closePeriod', (t) =>
  t.field({
    type: ClosePeriodResult,
    nullable: true,
    description:
      'Closes the books before an instant, for good: from its answer on, an effectiveAt before it is refused as PERIOD_CLOSED. ' +
      'An instant before `closedBefore` changes nothing, and one later than 5 seconds ago is INVALID_INPUT.',
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
