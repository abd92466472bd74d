import type { LedgerState } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { LedgerConnection, parseUuidKey, readPage } from '../connection.ts';
import { pageCost } from '../protection/prices.ts';

builder.queryField('ledgers', (t) =>
  t.connection(
    {
      type: 'Ledger',
      description:
        'The ledgers that the caller may use, newest first. No scope is needed. To use one, name it in the header `x-ledger`.',
      complexity: pageCost,
      resolve: (_, args, context) => {
        const { ledger, viewer } = context;
        return readPage(context, args, {
          name: 'ledgers',
          filter: {},
          keyOf: ({ id }: LedgerState) => id,
          parseKey: parseUuidKey,
          read: (range) => ledger.engine.access.listLedgers(viewer, ledger.id, range),
        });
      },
    },
    LedgerConnection,
  ),
);
