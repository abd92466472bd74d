import { CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { parseArguments } from '../../src/cli/program.ts';
import { runCli } from '../support/cli.ts';

const NO_DATABASE = { DATABASE_URL: 'postgres://a:b@127.0.0.1:1/none' };

const COMMANDS = ['keys create', 'keys list', 'keys revoke', 'ledgers create', 'ledgers list', 'demo'];

/** Reads arguments that request help or are wrong. */
function parse(args: readonly string[]): { stdout: string; stderr: string; exitCode: number } {
  const written = { stdout: '', stderr: '' };
  try {
    parseArguments(args, {
      writeOut: (text) => {
        written.stdout += text;
      },
      writeErr: (text) => {
        written.stderr += text;
      },
    });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { ...written, exitCode: error.exitCode };
  }
  throw new Error(`${args.join(' ')} is accepted`);
}

describe('the help', () => {
  test('names all commands, the database and the exit status, and has status 0', async () => {
    const { status, stdout, stderr } = await runCli(['--help'], NO_DATABASE);
    expect([status, stderr]).toEqual([0, '']);
    for (const part of [
      'keys',
      'ledgers',
      'demo',
      'DATABASE_URL',
      'LEDGER_DATA_DIR',
      'exit status',
      '--silent',
    ]) {
      expect(stdout).toContain(part);
    }
  });

  test.each([...COMMANDS, 'keys', 'ledgers'])(
    'of %s has a sentence, its options and two examples',
    (command) => {
      const { stdout, stderr, exitCode } = parse([...command.split(' '), '--help']);
      expect([exitCode, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(new RegExp(`^Usage: npm run ledger -- ${command} .*\\n\\n[A-Z][^.]+\\.`));
      expect(stdout).toContain('--help');
      const [, examples = ''] = stdout.split('Examples:\n');
      expect(examples.match(new RegExp(`^  npm run ledger -- ${command}\\b.*$`, 'gm'))).toHaveLength(2);
    },
  );

  test.each(COMMANDS)('of %s has examples that are valid', (command) => {
    const { stdout } = parse([...command.split(' '), '--help']);
    const examples = [...stdout.matchAll(/^ {2}npm run ledger -- (.+)$/gm)].map(
      ([, example = '']) => example,
    );
    const output = { writeOut: () => {}, writeErr: () => {} };
    for (const example of examples) {
      expect(parseArguments(example.split(' '), output).json).toBe(example.includes('--json'));
    }
  });
});

describe('wrong usage', () => {
  test.each([
    [['kyes', 'list'], 'Did you mean keys?'],
    [['keys', 'lst'], 'Did you mean list?'],
    [['keys', 'list', '--jsn'], 'Did you mean --json?'],
    [['keys', 'create', '--name', 'a'], "required option '--scopes <scopes>' not specified"],
    [['keys', 'create', '--scopes', 'READ'], "required option '--name <name>' not specified"],
    [['keys', 'create', '--name', 'a', '--scopes', 'WRITE'], 'READ, POST, MANAGE, ADMIN'],
    [['keys', 'create', '--name', 'a', '--scopes', ''], 'READ, POST, MANAGE, ADMIN'],
    [['keys', 'create', '--name', 'a', '--scopes', 'READ', '--expires', 'soon'], '90d, 12h or 30m'],
    [['keys', 'create', '--name', 'a', '--scopes', 'READ', '--requests-per-second', '-1'], 'whole number'],
    [
      ['keys', 'create', '--name', 'a', '--scopes', 'READ', '--ledger', 'b', '--all-ledgers'],
      "'--all-ledgers' cannot be used with option '--ledger <name>'",
    ],
    [['keys', 'revoke'], "missing required argument 'id-or-name'"],
    [['keys', 'revoke', 'a', 'b'], 'too many arguments'],
    [['demo', 'sandbox'], 'too many arguments'],
    [['ledgers', 'create'], "missing required argument 'name'"],
  ])('%j is rejected: %s', (args, message) => {
    const { stdout, stderr, exitCode } = parse(args);
    expect(stderr).toContain(message);
    expect([exitCode, stdout]).toEqual([1, '']);
  });

  test.each([[[]], [['keys']], [['ledgers']]])('%j prints the help on standard error', (args) => {
    const { stdout, stderr, exitCode } = parse(args);
    expect([exitCode, stdout]).toEqual([1, '']);
    expect(stderr).toContain('Examples:');
  });

  test('has status 2, and its message does not repeat the text of a key', async () => {
    const secret = `tlsk_${'0'.repeat(26)}_${'A'.repeat(43)}`;
    for (const args of [[secret], ['keys', secret], ['keys', 'create', '--name', 'a', '--scopes', secret]]) {
      const { status, stdout, stderr } = await runCli(args, NO_DATABASE);
      expect([status, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/tlsk_…/);
      expect(stderr).not.toContain('AAAA');
    }
  });
});

describe('status 1', () => {
  test.each([
    [{}, /PostgreSQL cannot be reached at 127\.0\.0\.1:1, database none: .*ECONNREFUSED.*Check DATABASE_URL/],
    [{ DATABASE_URL: 'mysql://a' }, /^error: DATABASE_URL must be a URL such as postgres:/],
    [{ DATABASE_URL: '', DATABASE_MIGRATION_URL: 'postgres://a/b' }, /but DATABASE_URL is not/],
    [{ ALLOW_UNSAFE_DURABILITY: 'yes' }, /ALLOW_UNSAFE_DURABILITY must be 0 or 1, but is "yes"/],
    [{ DATABASE_URL: '', LEDGER_DATA_DIR: '/dev/null/data' }, /\/dev\/null\/data cannot be created/],
  ])('follows an unusable environment: %j', async (env, message) => {
    const { status, stdout, stderr } = await runCli(['keys', 'list', '--json'], { ...NO_DATABASE, ...env });
    expect(stderr).toMatch(message);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  test('does not follow settings that concern only the service', async () => {
    const { stderr } = await runCli(['keys', 'list'], { ...NO_DATABASE, HOST: '0.0.0.0', PORT: 'x' });
    expect(stderr).toMatch(/^error: PostgreSQL cannot be reached/);
  });
});
