import type { Refusal } from '../../core/errors.ts';
import type { LedgerCreated } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { settle } from '../context.ts';
import * as refusals from '../refusals/refusals.ts';

const CreateLedgerInput = builder.inputType('CreateLedgerInput', {
  description: 'A ledger, apart from all others: with its own accounts, currencies, periods and journal.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description:
        'The permanent name of the ledger: 1 to 63 of the characters a to z, 0 to 9, `-`, `_` and `.`, starting with a letter or a ' +
        'digit.',
    }),
  }),
});

builder.objectType('LedgerCreated', {
  description: 'The ledger exists. Requests can use it.',
  fields: (t) => ({
    ledger: t.expose('ledger', { type: 'Ledger', description: 'The ledger.' }),
    replayed: t.exposeBoolean('replayed', { description: 'True if it existed before.' }),
  }),
});

const CreateLedgerResult = builder.unionType('CreateLedgerResult', {
  description: 'The ledger, or the reason why it was not created.',
  types: ['LedgerCreated', ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) => (code === 'LEDGER_CREATED' ? 'LedgerCreated' : refusals.refusalTypeName(code)),
});

builder.mutationField('createLedger', (t) =>
  t.field({
    type: CreateLedgerResult,
    nullable: true,
    description:
      'Creates a ledger, permanently. It needs a credential for all ledgers. Creating an existing ledger changes nothing.',
    args: { input: t.arg({ type: CreateLedgerInput, required: true, description: 'The ledger.' }) },
    resolve: async (_, { input: { name } }, context): Promise<LedgerCreated | Refusal> => {
      const { ledger, viewer, notes } = context;
      return settle(context, await ledger.engine.access.createLedger(viewer, name, notes.requestId));
    },
  }),
);
