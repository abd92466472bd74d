import { CommanderError } from 'commander';
import { withEngine } from './cli/connection.ts';
import { thisOperator } from './cli/operator.ts';
import { parseArguments } from './cli/program.ts';
import { CommandError, type Report, withoutSecrets } from './cli/report.ts';
import { ConfigError, readDatabaseConfig } from './config.ts';
import { EmbeddedPostgresError } from './db/embedded/embedded-postgres.ts';
import { UnfitServerError } from './db/postgres/primary.ts';
import { DatabaseNotReadyError } from './db/postgres/start-client.ts';
import { UnavailableError } from './ledger/ledger.ts';
import { describeFault } from './server/operations/fault.ts';

/** Errors that the operator can fix. Their message says how, so it is printed without a stack. */
const OPERATOR_ERRORS = [
  CommandError,
  ConfigError,
  EmbeddedPostgresError,
  DatabaseNotReadyError,
  UnfitServerError,
  UnavailableError,
];

// At a signal, the process exits in order: its temporary PostgreSQL is shut down.
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => process.exit(status));
}
// The reader of a pipe may have ended, or the disk may be full.
process.stdout.on('error', (error) => fail(`Standard output cannot be written: ${error.message}. ${LOST}`));
const LOST = 'If the command created a key, its secret is lost: revoke that key.';

process.exitCode = await run(process.argv.slice(2));

/** Returns the exit status. */
async function run(args: readonly string[]): Promise<number> {
  try {
    const { task, json } = parseArguments(args, {
      writeOut: (text) => process.stdout.write(text),
      writeErr: (text) => process.stderr.write(text),
    });
    const options = { ...readDatabaseConfig(process.env), onProgress: note, onFault: reportFault };
    const report = await withEngine(options, (engine) => task(engine, thisOperator()));
    print(report, json);
    return 0;
  } catch (error) {
    // Commander has printed the help, which has status 0, or the mistake.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (OPERATOR_ERRORS.some((kind) => error instanceof kind)) fail((error as Error).message);
    else reportFault(error);
    return 1;
  }
}

function print({ json, before = [], lines, after = [] }: Report, asJson: boolean): void {
  if (asJson) {
    console.log(JSON.stringify(json, null, 2));
    return;
  }
  for (const line of before) note(line);
  for (const line of lines) console.log(line);
  for (const line of after) note(line);
}

/** Writes a line on standard error, without secrets that the arguments may contain. */
function note(line: string): void {
  console.error(withoutSecrets(line));
}

function fail(message: string): void {
  note(`error: ${message}`);
  process.exitCode = 1;
}

function reportFault(error: unknown): void {
  console.error('internal error:', describeFault(error));
}
