import { printSchema } from 'graphql';
import './accounts/account.ts';
import './accounts/account-list.ts';
import './accounts/create-account.ts';
import './accounts/create-accounts.ts';
import './accounts/update-account.ts';
import './holds/hold.ts';
import './holds/hold-list.ts';
import './holds/hold-mutations.ts';
import './ledger/block-head.ts';
import './ledger/close-period.ts';
import './ledger/currency.ts';
import './ledger/ledger.ts';
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

/** The public schema, assembled from the files of its nouns. */
export const schema = completeInTurns(builder.toSchema());

/** The schema as SDL, the content of schema.graphql. */
export const schemaText = `${printSchema(schema)}\n`;
