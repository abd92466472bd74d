import { Command, Option } from 'commander';
import type { Engine } from '../ledger/engine.ts';
import { parseCount, parseExpiry, parseScopes } from './arguments.ts';
import { fillDemo } from './demo/demo.ts';
import { createKey, type KeyOptions, listKeys, revokeKey } from './keys.ts';
import { createLedger, listLedgers } from './ledgers.ts';
import type { Operator } from './operator.ts';
import { COMMAND, type Report, withoutSecrets } from './report.ts';

/** The work of a command. It runs when the arguments are valid. */
export type Task = (engine: Engine, operator: Operator) => Promise<Report>;

export interface Parsed {
  readonly task: Task;
  readonly json: boolean;
}

/**
 * Reads the arguments of the command line. Throws `CommanderError` where they are wrong, or where they request help, after writing
 * the mistake or the help.
 */
export function parseArguments(args: readonly string[], output: Output): Parsed {
  let parsed: Parsed | undefined;
  const run = (options: { readonly json?: boolean }, task: Task) => {
    parsed = { task, json: options.json === true };
  };
  makeProgram(run, output).parse(args, { from: 'user' });
  if (parsed === undefined) throw new TypeError('commander ran no command');
  return parsed;
}

/** Where texts for people are written. */
export interface Output {
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
}

type Run = (options: { readonly json?: boolean }, task: Task) => void;

function makeProgram(run: Run, { writeOut, writeErr }: Output): Command {
  const program = new Command(COMMAND)
    .usage('COMMAND [options]')
    .description('Manages the API keys and the ledgers of the service, and fills a ledger with a demo.')
    .helpOption('-h, --help', 'Shows this help.')
    .helpCommand('help [command]', 'Shows the help of a command.')
    .showHelpAfterError('Add --help to see the commands and options.')
    .exitOverride()
    .configureOutput({ writeOut, writeErr: (text) => writeErr(withoutSecrets(text)) })
    .addHelpText('after', HELP);
  const keys = program.command('keys').description('Creates, lists and revokes API keys.');
  addKeyCommands(keys.addHelpText('after', examples(CREATE_OPS, 'keys list')), run);
  const ledgers = program.command('ledgers').description('Creates and lists ledgers.');
  addLedgerCommands(ledgers.addHelpText('after', examples('ledgers create sandbox', 'ledgers list')), run);
  addDemoCommand(program, run, writeErr);
  return program;
}

function addKeyCommands(keys: Command, run: Run): void {
  keys
    .command('create')
    .description(
      'Creates an API key. The secret is the only line on standard output, and is shown only this once.\n' +
        'From the first key on, the service rejects requests without a key, for good.',
    )
    .requiredOption(
      '--name <name>',
      'The name of the key. Valid keys for the same ledger have different names.',
    )
    .requiredOption(
      '--scopes <scopes>',
      'The scopes of the key: READ, POST, MANAGE and ADMIN, separated by commas. None contains another.',
      parseScopes,
    )
    .option('--ledger <name>', 'The ledger that the key is for.', 'main')
    .addOption(new Option('--all-ledgers', 'The key is for all ledgers.').conflicts('ledger'))
    .option(
      '--owner <owner>',
      'Restricts the key to the accounts of this owner. Its scopes must be READ and POST alone.',
    )
    .option(
      '--expires <when>',
      'When the key expires: 90d, 12h or 30m from now, or an instant such as 2027-01-31T12:00:00Z. Default: never.',
      parseExpiry,
    )
    .option('--requests-per-second <number>', 'How many requests per second the key may send.', parseCount)
    .option('--json', JSON_OPTION)
    .addHelpText(
      'after',
      examples(CREATE_OPS, 'keys create --name shop --scopes READ,POST --ledger sandbox --expires 90d'),
    )
    .action((options: KeyOptions & { readonly json?: boolean }) =>
      run(options, (engine, operator) => createKey(engine, operator, options)),
    );
  keys
    .command('list')
    .description('Lists all API keys, also those that have expired or are revoked. Secrets are not shown.')
    .option('--json', JSON_OPTION)
    .addHelpText('after', examples('keys list', 'keys list --json'))
    .action((options) => run(options, listKeys));
  keys
    .command('revoke')
    .description('Revokes an API key, for good. Running services reject it within 5 seconds.')
    .argument('<id-or-name>', 'The id of the key, the prefix of its text, or its name.')
    .option('--json', JSON_OPTION)
    .addHelpText('after', examples('keys revoke ops', 'keys revoke key_01hf2k9c8cfh2v5c0m0000000a'))
    .action((idOrName: string, options) =>
      run(options, (engine, operator) => revokeKey(engine, operator, idOrName)),
    );
}

function addLedgerCommands(ledgers: Command, run: Run): void {
  ledgers
    .command('create')
    .description(
      'Creates a ledger, unless it exists. Ledgers are separate: no transaction concerns two of them.',
    )
    .argument('<name>', '1 to 63 characters of a-z, 0-9, "-", "_" and "."; the first is a letter or digit.')
    .option('--json', JSON_OPTION)
    .addHelpText('after', examples('ledgers create sandbox', 'ledgers create customer-42 --json'))
    .action((name: string, options) =>
      run(options, (engine, operator) => createLedger(engine, operator, name)),
    );
  ledgers
    .command('list')
    .description('Lists all ledgers.')
    .option('--json', JSON_OPTION)
    .addHelpText('after', examples('ledgers list', 'ledgers list --json'))
    .action((options) => run(options, listLedgers));
}

function addDemoCommand(program: Command, run: Run, writeErr: Output['writeErr']): void {
  program
    .command('demo')
    .description(
      'Fills an empty ledger with a year of a small marketplace: some hundred accounts and some thousand transactions.\n' +
        'Posted transactions cannot be removed: do not use a ledger that is meant for real books.',
    )
    .option('--ledger <name>', 'The ledger to fill. It must have no accounts.', 'main')
    .option('--json', JSON_OPTION)
    .addHelpText('after', examples('demo', 'demo --ledger sandbox --json'))
    .action((options: { readonly ledger: string; readonly json?: boolean }) => {
      const note = (line: string) => {
        if (options.json !== true) writeErr(`${line}\n`);
      };
      run(options, (engine, operator) => fillDemo(engine, operator, options.ledger, note));
    });
}

const CREATE_OPS = 'keys create --name ops --scopes ADMIN,READ --all-ledgers';

const JSON_OPTION = 'Prints one JSON document on standard output, and nothing else.';

const HELP = `
The commands use the database of DATABASE_URL. If it is not set, they use the embedded PostgreSQL in
LEDGER_DATA_DIR, also while the service runs on it.

The exit status is 0 on success, 1 if the command was rejected or the database cannot be reached, and 2 if the
arguments are wrong.
${examples('ledgers create sandbox', CREATE_OPS)}

In scripts, --silent suppresses the lines of npm:
  KEY=$(npm run --silent ledger -- keys create --name ops --scopes ADMIN,READ)`;

function examples(...commands: readonly string[]): string {
  return ['', 'Examples:', ...commands.map((command) => `  ${COMMAND} ${command}`)].join('\n');
}
