import { printSchema } from 'graphql';
import './accounts/account.ts';
import './accounts/account-list.ts';
import './close-period.ts';
import './accounts/create-account.ts';
import './accounts/create-accounts.ts';
import './create-currency.ts';
import './transactions/entry.ts';
import './transactions/history.ts';
import './holds/hold.ts';
import './holds/hold-list.ts';
import './holds/hold-mutations.ts';
import './transactions/journal.ts';
import './transactions/journal-list.ts';
import './ledger.ts';
import './money.ts';
import './transactions/operation.ts';
import './transactions/post-batch.ts';
import './transactions/posting.ts';
import './transactions/preview.ts';
import './refusals.ts';
import './transactions/reversal.ts';
import './scalars.ts';
import './transactions/transaction.ts';
import './transactions/transaction-list.ts';
import './accounts/update-account.ts';
import { builder } from './builder.ts';
import { completeInTurns } from './execution/lists-in-turns.ts';

/** The public schema, put together from the files of its nouns. */
export const schema = completeInTurns(builder.toSchema());

/** The schema as SDL, the same text each time: schema.graphql. */
export const schemaText = `${printSchema(schema)}\n`;
