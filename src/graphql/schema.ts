import { printSchema } from 'graphql';
import './account.ts';
import './account-list.ts';
import './create-account.ts';
import './entry.ts';
import './history.ts';
import './ledger.ts';
import './money.ts';
import './posting.ts';
import './refusals.ts';
import './scalars.ts';
import './transaction.ts';
import './transaction-list.ts';
import { builder } from './builder.ts';

/** The public schema, put together from the files of its nouns. */
export const schema = builder.toSchema();

/** The schema as SDL, the same text each time: schema.graphql. */
export const schemaText = `${printSchema(schema)}\n`;
