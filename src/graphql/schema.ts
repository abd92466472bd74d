import { printSchema } from 'graphql';
import './account.ts';
import './account-list.ts';
import './close-period.ts';
import './create-account.ts';
import './create-accounts.ts';
import './create-currency.ts';
import './entry.ts';
import './history.ts';
import './hold.ts';
import './hold-list.ts';
import './hold-mutations.ts';
import './journal.ts';
import './journal-list.ts';
import './ledger.ts';
import './money.ts';
import './operation.ts';
import './post-batch.ts';
import './posting.ts';
import './preview.ts';
import './refusals.ts';
import './reversal.ts';
import './scalars.ts';
import './transaction.ts';
import './transaction-list.ts';
import './update-account.ts';
import { builder } from './builder.ts';
import { completeInTurns } from './lists-in-turns.ts';

/** The public schema, put together from the files of its nouns. */
export const schema = completeInTurns(builder.toSchema());

/** The schema as SDL, the same text each time: schema.graphql. */
export const schemaText = `${printSchema(schema)}\n`;
