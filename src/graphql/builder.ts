import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import RelayPlugin from '@pothos/plugin-relay';
import type { Actor, Viewer } from '../core/access/viewer.ts';
import type { Account } from '../core/account.ts';
import type { RecordedEvent } from '../core/audit.ts';
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
  ApiKey,
  ApiKeyCreated,
  ApiKeyRevoked,
  CurrencyRegistered,
  EntryLine,
  LedgerCreated,
  LedgerState,
  Party,
  PeriodClosed,
  Preview,
  TrialBalanceLine,
} from '../ledger/ledger.ts';
import type { Context } from './context.ts';
import { decodeNodeId, invalidInput, MAX_NODES } from './node.ts';
import { STATEMENT_COST, TRANSACTION_COST } from './protection/prices.ts';
import type { MutationName, QueryName } from './rights/table.ts';

/**
 * The source type of each GraphQL type. Fields refer to types by these names, so that no file of a noun imports that of another.
 * schema.ts assembles them.
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
    Party: Party;
    Preview: Preview;
    EntryPreview: Entry;
    Viewer: Viewer;
    Actor: Actor;
    ApiKey: ApiKey;
    AuditEvent: RecordedEvent;
    ApiKeyCreated: ApiKeyCreated;
    ApiKeyRevoked: ApiKeyRevoked;
    LedgerCreated: LedgerCreated;
  };
}

const schemaBuilder = new SchemaBuilder<Types>({
  plugins: [RelayPlugin, ComplexityPlugin],
  // cost.ts checks the cost of the whole operation before execution.
  complexity: { disabled: true },
  defaultFieldNullability: false,
  relay: {
    cursorType: 'String',
    encodeGlobalID: (_, id) => String(id),
    decodeGlobalID: decodeNodeId,
    idFieldOptions: { description: 'The globally unique, permanent id. Treat it as opaque text.' },
    nodeTypeOptions: {
      description: 'An object with a globally unique id, by which `node` and `nodes` find it.',
    },
    nodeQueryOptions: {
      description: 'The object with this id, of any type. Null: the id is malformed, foreign or unknown.',
      args: { id: { description: 'The `id` of any Node. `ext:` names are not accepted here.' } },
      complexity: STATEMENT_COST + TRANSACTION_COST,
    },
    nodesQueryOptions: {
      description:
        'The objects with these ids, in the order of the ids. Null for each id that is malformed, foreign or unknown.',
      args: {
        ids: { description: `The \`id\` of any Nodes, at most ${MAX_NODES}. More are INVALID_INPUT.` },
      },
      complexity: ({ ids }) => {
        const multiplier = Math.min(ids.length, MAX_NODES);
        return { field: STATEMENT_COST + multiplier * TRANSACTION_COST, multiplier };
      },
      resolve: (_root, { ids }, _context, _info, resolveNodes) => {
        if (ids.length > MAX_NODES) {
          throw invalidInput(`ids must have at most ${MAX_NODES} elements, but has ${ids.length}.`);
        }
        return resolveNodes(ids);
      },
    },
    pageInfoTypeOptions: { description: 'The position of a page in its list.' },
    hasNextPageFieldOptions: {
      description:
        'True if the list may continue after this page. With a filter, a page can be short or empty although the list ' +
        'continues: the search stopped at `endCursor`. Read the next page with `first` and `after: endCursor`.',
    },
    hasPreviousPageFieldOptions: {
      description:
        'True if the list may have elements before this page. With a filter, a page can be short or empty although there are ' +
        'more. Read the previous page with `last` and `before: startCursor`.',
    },
    startCursorFieldOptions: {
      description:
        'The cursor of the first edge, or the position at which a filtered search stopped before it filled the page. Null: the ' +
        'page is empty, and no page precedes or follows it.',
    },
    endCursorFieldOptions: {
      description:
        'The cursor of the last edge, or the position at which a filtered search stopped before it filled the page. Null: the ' +
        'page is empty, and no page precedes or follows it. In `journal`: the position up to which the page was read, never null.',
    },
    cursorFieldOptions: {
      description: 'The position of this edge in its list. Opaque text for `after` and `before`.',
    },
    nodeFieldOptions: { nullable: false, description: 'The element at this position.' },
    // The field of the connection has already counted the elements.
    edgesFieldOptions: {
      complexity: { multiplier: 1 },
      nullable: { list: false, items: false },
      description: 'The elements of the page, each with its cursor.',
    },
    nodesOnConnection: { complexity: { multiplier: 1 }, description: 'The elements of the page.' },
    pageInfoFieldOptions: { description: 'The position of the page in the list.' },
    firstArgOptions: {
      description:
        'The number of elements from the start of the list, or after `after`: 0 to 100. The default is 20, without `last`.',
    },
    lastArgOptions: {
      description:
        'The number of elements from the end of the list, or before `before`: 0 to 100. Not together with `first`.',
    },
    afterArgOptions: {
      description:
        'Returns elements after this cursor. It must be from the same list and ledger with the same filter; otherwise INVALID_INPUT.',
    },
    beforeArgOptions: {
      description:
        'Returns elements before this cursor. It must be from the same list and ledger with the same filter; otherwise INVALID_INPUT.',
    },
  },
});

schemaBuilder.queryType({
  description:
    'Reads the ledger. Null means absent: malformed, foreign and unknown ids find nothing. Faults are top-level errors with ' +
    '`extensions.code`. Fields are read one after another while postings continue, so two fields may show different states. ' +
    'Compare `Account.version` with `Entry.version` to find out whether an account and its history agree.',
});
schemaBuilder.mutationType({
  description:
    'Changes the ledger. Each field returns a union of its success type and all its possible refusals. All refusals implement ' +
    'LedgerError: `... on LedgerError { code message }` also matches refusals of later releases. If a field is null, its outcome ' +
    'is unknown: send the same request with the same idempotency key again to learn it.',
});

type Builder = typeof schemaBuilder;
type RootMethod = Extract<
  keyof Builder,
  `${'query' | 'mutation' | 'subscription'}${'Type' | 'Field' | 'Fields'}`
>;

/** Defines the schema. A root field must have a row in the table of rights. */
export const builder: Omit<Builder, RootMethod> & {
  queryField(name: QueryName, field: Parameters<Builder['queryField']>[1]): void;
  mutationField(name: MutationName, field: Parameters<Builder['mutationField']>[1]): void;
} = schemaBuilder;

export type SchemaTypes = PothosSchemaTypes.ExtendDefaultTypes<Types>;
/** Creates the fields of an input type. */
export type InputFields = PothosSchemaTypes.InputFieldBuilder<SchemaTypes, 'InputObject'>;
