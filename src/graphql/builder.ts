import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import RelayPlugin from '@pothos/plugin-relay';
import type { Account } from '../core/account.ts';
import type { Refusal } from '../core/errors.ts';
import type { Hold } from '../core/hold.ts';
import type { BatchProcessed, Entry, Posted, Transaction } from '../core/transaction.ts';
import type { Currency } from '../core/values/currency.ts';
import type { Instant } from '../core/values/instant.ts';
import type { Money } from '../core/values/money.ts';
import type { Malformed, Metadata } from '../core/values/text.ts';
import type {
  AccountCreated,
  AccountsCreated,
  AccountUpdated,
  CurrencyRegistered,
  EntryLine,
  LedgerState,
  PeriodClosed,
  Preview,
  TrialBalanceLine,
} from '../ledger/ledger.ts';
import type { Context } from './context.ts';
import { decodeNodeId, invalidInput, MAX_NODES } from './node.ts';
import { TRANSACTION_COST } from './protection/cost.ts';

/**
 * What each type of the schema is made from. Fields name their types by these names, so that no file of a noun needs
 * another's; schema.ts puts them together.
 */
interface Types {
  DefaultFieldNullability: false;
  DefaultEdgesNullability: { list: false; items: false };
  DefaultNodeNullability: false;
  Context: Context;
  Scalars: {
    ID: { Input: string; Output: string };
    Decimal: { Input: string | Malformed; Output: string };
    BigInt: { Input: bigint | Malformed; Output: bigint };
    DateTime: { Input: Instant | Malformed; Output: Instant };
    Metadata: { Input: Metadata | Malformed; Output: Metadata };
  };
  Interfaces: { LedgerError: Refusal };
  Objects: {
    Ledger: LedgerState;
    BlockHead: LedgerState['head'];
    Currency: Currency;
    TrialBalanceLine: TrialBalanceLine;
    Money: Money;
    Account: Account;
    AccountCreated: AccountCreated;
    AccountsCreated: AccountsCreated;
    AccountUpdated: AccountUpdated;
    CurrencyRegistered: CurrencyRegistered;
    PeriodClosed: PeriodClosed;
    BatchProcessed: BatchProcessed;
    Transaction: Transaction;
    TransactionPosted: Posted;
    HoldPlaced: Posted;
    Entry: EntryLine;
    Hold: Hold;
    Preview: Preview;
    EntryPreview: Entry;
  };
}

export const builder = new SchemaBuilder<Types>({
  plugins: [RelayPlugin, ComplexityPlugin],
  // The cost of the whole operation is checked before any of its fields; see cost.ts.
  complexity: { disabled: true },
  defaultFieldNullability: false,
  relay: {
    cursorType: 'String',
    encodeGlobalID: (_, id) => String(id),
    decodeGlobalID: decodeNodeId,
    idFieldOptions: { description: 'Names this, everywhere and forever. Treat it as opaque text.' },
    nodeTypeOptions: {
      description: 'What has an id of its own, and can be asked for by it.',
    },
    nodeQueryOptions: {
      description: 'What an id names, whatever its type. Null where the id is malformed, foreign or unknown.',
      args: { id: { description: 'The `id` of any Node. Names by `ext:` are not taken here.' } },
    },
    nodesQueryOptions: {
      description:
        'What several ids name, in their order, with null in the place of each that is malformed, foreign or unknown.',
      args: { ids: { description: `The \`id\` of any Nodes, at most ${MAX_NODES}; more is INVALID_INPUT.` } },
      complexity: ({ ids }) => {
        const multiplier = Math.min(ids.length, MAX_NODES);
        return { field: 1 + multiplier * TRANSACTION_COST, multiplier };
      },
      resolve: (_root, { ids }, _context, _info, resolveNodes) => {
        if (ids.length > MAX_NODES) {
          throw invalidInput(`ids must have at most ${MAX_NODES} elements, and has ${ids.length}.`);
        }
        return resolveNodes(ids);
      },
    },
    pageInfoTypeOptions: { description: 'Where a page lies in its list.' },
    hasNextPageFieldOptions: {
      description:
        'Whether the list goes on after this page, also where a page under a filter is short or empty: then the search has ' +
        'stopped for now at `endCursor`. Ask for what follows with `first` and `after: endCursor`.',
    },
    hasPreviousPageFieldOptions: {
      description:
        'Whether the list has more before this page, also where a page under a filter is short or empty. Ask for it with ' +
        '`last` and `before: startCursor`.',
    },
    startCursorFieldOptions: {
      description:
        "The first edge's cursor, or where a search under a filter has stopped before it filled the page; null on an " +
        'empty page that nothing precedes or follows.',
    },
    endCursorFieldOptions: {
      description:
        "The last edge's cursor, or where a search under a filter has stopped before it filled the page; null on an " +
        'empty page that nothing precedes or follows. In `journal`: how far was read, and never null.',
    },
    cursorFieldOptions: {
      description: 'The place of this edge in its list: opaque text for `after` and `before`.',
    },
    nodeFieldOptions: { nullable: false, description: 'What stands in this place of the list.' },
    // The list itself has counted how many there are.
    edgesFieldOptions: {
      complexity: { multiplier: 1 },
      nullable: { list: false, items: false },
      description: 'The page, each element with its cursor.',
    },
    nodesOnConnection: { complexity: { multiplier: 1 }, description: 'The page without the cursors.' },
    pageInfoFieldOptions: { description: 'Where the page lies in the list.' },
    firstArgOptions: {
      description:
        'How many to take from the beginning of the list, or right after `after`: 0 to 100. Without `first` and `last`: 20.',
    },
    lastArgOptions: {
      description:
        'How many to take from the end of the list, or right before `before`: 0 to 100. Not together with `first`.',
    },
    afterArgOptions: {
      description:
        'A cursor of this very list, given under the same filter: only what comes after it. Any other is INVALID_INPUT.',
    },
    beforeArgOptions: {
      description:
        'A cursor of this very list, given under the same filter: only what comes before it. Any other is INVALID_INPUT.',
    },
  },
});

builder.queryType({
  description:
    'Reading. Null means absent: ids that are malformed, foreign or unknown find nothing. Faults are top-level errors whose ' +
    '`extensions.code` is a LedgerErrorCode. Fields are read one after the other while postings go on, so two of them may show ' +
    'different moments. Compare `Account.version` with `Entry.version` to see whether an account and its history agree.',
});
builder.mutationType({
  description:
    'Writing. Each field answers a union of what happened and of every refusal that it can give; all refusals implement ' +
    'LedgerError, so `... on LedgerError { code message }` reads any of them, also those that later releases add. A field ' +
    'that is null is unknown, not undone: send the same request with the same idempotency key again, and it tells.',
});

export type SchemaTypes = PothosSchemaTypes.ExtendDefaultTypes<Types>;
/** Makes the fields of an input. */
export type InputFields = PothosSchemaTypes.InputFieldBuilder<SchemaTypes, 'InputObject'>;
