// Generates files from the program's sources: `npm run generate`. With --check it writes nothing and fails if a file is out of
// date.

import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { Cli } from 'kysely-codegen';
import pg from 'pg';
import { schemaText } from '../src/graphql/schema.ts';
import { dumpSchema } from './dump-schema.ts';
import { generateClient, generateConsole } from './generate-documents.ts';
import { withTemporaryLedger } from './temporary-postgres.ts';

const PROJECT = new URL('../', import.meta.url);

const { check } = parseArgs({ options: { check: { type: 'boolean', default: false } } }).values;

/** The generated files by their paths in the project. */
const generated: Readonly<Record<string, string>> = {
  ...(await fromDatabase()),
  'schema.graphql': schemaText,
  'src/client/generated.ts': await generateClient(schemaText),
  'src/console/data/generated.ts': await generateConsole(schemaText),
};

const drifted: string[] = [];
for (const [path, text] of Object.entries(generated)) {
  const file = new URL(path, PROJECT);
  if (!check) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => undefined)) !== text) drifted.push(path);
}
if (drifted.length > 0) {
  console.error(`Out of date: ${drifted.join(', ')}. Update with: npm run generate`);
  process.exitCode = 1;
}

/** Reads the tables' types and the schema from a freshly migrated database. */
async function fromDatabase(): Promise<Record<string, string>> {
  return withTemporaryLedger(async ({ ownerUrl }) => ({
    'src/db/tables.ts': await tableTypes(ownerUrl),
    'db/schema.sql': await schemaOf(ownerUrl),
  }));
}

/** Generates types that match the column values of the connections in src/db/postgres/database.ts. */
function tableTypes(url: string): Promise<string> {
  return new Cli().generate({
    url,
    dialect: 'postgres',
    excludePattern: 'kysely_*',
    typeMapping: {
      timestamptz: 'ColumnType<bigint, string, string>',
      int8: 'bigint',
      numeric: 'bigint',
      jsonb: 'ColumnType<unknown, string, string>',
    },
    outFile: null,
    logLevel: 'silent',
  });
}

async function schemaOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await dumpSchema(client);
  } finally {
    await client.end();
  }
}
