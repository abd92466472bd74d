import { printSchema } from 'graphql';
import './access/api-key.ts';
import './access/api-key-mutations.ts';
import './access/audit-event.ts';
import './access/audit-list.ts';
import './access/create-ledger.ts';
import './access/viewer.ts';
import './accounts/account.ts';
import './accounts/account-list.ts';
import './accounts/create-account.ts';
import './accounts/create-accounts.ts';
import './accounts/party.ts';
import './accounts/update-account.ts';
import './holds/hold.ts';
import './holds/hold-list.ts';
import './holds/hold-mutations.ts';
import './ledger/block-head.ts';
import './ledger/close-period.ts';
import './ledger/currency.ts';
import './ledger/ledger.ts';
import './ledger/ledger-list.ts';
import './ledger/trial-balance.ts';
import './money.ts';
import './refusals/refusals.ts';
import './scalars.ts';
import './transactions/entry.ts';
import './transactions/history.ts';
import './transactions/journal.ts';
import './transactions/journal-list.ts';
import './transactions/operation.ts';
import './transactions/post-batch.ts';
import './transactions/posting.ts';
import './transactions/preview.ts';
import './transactions/reversal.ts';
import './transactions/transaction.ts';
import './transactions/transaction-list.ts';
import { builder } from './builder.ts';
import { completeInTurns } from './execution/lists-in-turns.ts';
import { limitOperations } from './protection/rate-limit.ts';
import { guardRoots } from './rights/guard.ts';

/** The public schema, assembled from the files of its nouns. */
export const schema = guardRoots(limitOperations(completeInTurns(builder.toSchema())));
schema.description = `A double-entry ledger: accounts hold money in one currency, and transactions move it.

Start with \`createAccount\`, \`deposit\` and \`transfer\`, then read \`account { balance { amount } history { nodes { … } } }\`.

- Amounts are exact decimal text, such as "12.34".
- Writes that move money take an \`idempotencyKey\` of your choice. Repeat a request with the same key as often as you like: it is executed once, and returns the same result each time.
- Business errors are typed results of a mutation. Select \`... on LedgerError { code message }\` to read any of them.
- Pass \`ext:<externalId>\` wherever the id of an account, transaction or hold is expected.
- Lists are connections with cursors: pass \`first\` and \`after\`, or \`last\` and \`before\`.`;

/** The schema as SDL, the content of schema.graphql. */
export const schemaText = `${printSchema(schema)}\n`;
