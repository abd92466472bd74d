import { expect, test } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.ts';

test('nothing has to be configured', () => {
  expect(readConfig({})).toMatchObject({ database: null, host: '127.0.0.1', port: 4000, logLevel: 'info' });
});

test('a variable that is set to nothing counts as absent', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: '', HOST: '' })).toEqual(readConfig({}));
});

test('a database of the user’s own is taken with the login of its migrations', () => {
  const database = {
    url: 'postgres://app:a@db.example:5432/books',
    migrationUrl: 'postgres://owner:b@db.example/books',
  };
  expect(
    readConfig({ DATABASE_URL: database.url, DATABASE_MIGRATION_URL: database.migrationUrl }).database,
  ).toEqual(database);
});

test('an address that others can reach needs a word more', () => {
  expect(readConfig({ HOST: '0.0.0.0', ALLOW_INSECURE: '1' }).host).toBe('0.0.0.0');
});

test.each([
  [{ PORT: 'abc' }, 'PORT must be a port from 0 to 65535, and is "abc".'],
  [{ PORT: '65536' }, 'PORT must be a port from 0 to 65535, and is "65536".'],
  [{ PORT: '-1' }, 'PORT must be a port from 0 to 65535, and is "-1".'],
  [
    { LOG_LEVEL: 'loud' },
    'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent, and is "loud".',
  ],
  [{ ALLOW_INSECURE: 'yes' }, 'ALLOW_INSECURE must be 0 or 1, and is "yes".'],
  [
    { DATABASE_URL: 'mysql://root:secret@localhost/books' },
    'DATABASE_URL must be a URL such as postgres://user:password@host:5432/database, and is something else.',
  ],
  [
    { DATABASE_MIGRATION_URL: 'postgres://localhost/books' },
    'DATABASE_MIGRATION_URL is set, and DATABASE_URL is not. Set both, or none.',
  ],
  [
    { HOST: '0.0.0.0' },
    'HOST is "0.0.0.0", which other machines can reach, and the ledger asks nobody who they are. ' +
      'Set ALLOW_INSECURE=1 if the network is to be trusted, or leave HOST at 127.0.0.1.',
  ],
])('%o is refused in one line', (env, message) => {
  expect(() => readConfig(env)).toThrow(new ConfigError(message));
});
