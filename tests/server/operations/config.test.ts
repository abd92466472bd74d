import { expect, test } from 'vitest';
import { ConfigError, checkExposure, readConfig } from '../../../src/config.ts';

test('every variable has a default', () => {
  expect(readConfig({})).toMatchObject({ database: null, host: '127.0.0.1', port: 4000, logLevel: 'info' });
});

test('an empty variable counts as absent', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: '', HOST: '' })).toEqual(readConfig({}));
});

test('DATABASE_URL and DATABASE_MIGRATION_URL select a database', () => {
  const database = {
    url: 'postgres://app:a@db.example:5432/books',
    migrationUrl: 'postgres://owner:b@db.example/books',
  };
  expect(
    readConfig({ DATABASE_URL: database.url, DATABASE_MIGRATION_URL: database.migrationUrl }).database,
  ).toEqual(database);
});

test('an address that other machines can reach requires an API key or ALLOW_INSECURE', () => {
  const exposed = readConfig({ HOST: '0.0.0.0' });
  expect(() => checkExposure(exposed, false)).toThrow(
    new ConfigError(
      'HOST is "0.0.0.0", which other machines can reach, but no API key exists. Create one with npm run ledger -- keys create ' +
        '--name ops --scopes ADMIN,READ --all-ledgers, set ALLOW_INSECURE=1 if you trust the network, or leave HOST at 127.0.0.1.',
    ),
  );
  expect(() => checkExposure(exposed, true)).not.toThrow();
  expect(() => checkExposure(readConfig({ HOST: '0.0.0.0', ALLOW_INSECURE: '1' }), false)).not.toThrow();
  expect(() => checkExposure(readConfig({}), false)).not.toThrow();
});

const TOKENS = {
  JWT_ISSUER: 'https://login.example',
  JWT_AUDIENCE: 'ledger',
  JWT_JWKS_URL: 'https://login.example/keys',
};

test('an address that other machines can reach requires no API key if tokens are accepted', () => {
  expect(() => checkExposure(readConfig({ HOST: '0.0.0.0', ...TOKENS }), false)).not.toThrow();
});

test('tokens of an issuer are accepted for an hour, with their owner', () => {
  expect(readConfig({}).tokens).toBeNull();
  expect(readConfig(TOKENS).tokens).toEqual({
    issuer: 'https://login.example',
    audience: 'ledger',
    keys: new URL('https://login.example/keys'),
    maxAgeSeconds: 3600,
    unrestrictedClaim: null,
  });
});

test('tokens can live longer, need no owner, and have their keys in a file', () => {
  const { JWT_JWKS_URL: _, ...rest } = TOKENS;
  const env = {
    ...rest,
    JWT_JWKS_FILE: '/etc/keys/a b#1.json',
    JWT_MAX_AGE: '86400',
    JWT_UNRESTRICTED_CLAIM: 'backend',
  };
  expect(readConfig(env).tokens).toMatchObject({
    keys: new URL('file:///etc/keys/a%20b%231.json'),
    maxAgeSeconds: 86_400,
    unrestrictedClaim: 'backend',
  });
});

test.each([
  'http://localhost:8080/keys',
  'http://127.0.0.1/keys',
  'http://127.1.2.3/keys',
  'http://[::1]:80/keys?a=b',
])('keys may be read at %s', (url) => {
  expect(readConfig({ ...TOKENS, JWT_JWKS_URL: url }).tokens?.keys.href).toBe(new URL(url).href);
});

test('origins are separated by commas', () => {
  const { corsOrigins } = readConfig({ CORS_ORIGINS: 'https://app.example, http://127.0.0.1:8080' });
  expect(corsOrigins).toEqual(['https://app.example', 'http://127.0.0.1:8080']);
});

test.each([
  [{}, []],
  [{ ALLOWED_HOSTS: 'ledger.example, books.example' }, ['ledger.example', 'books.example']],
  [{ HOST: '0.0.0.0', ALLOW_INSECURE: '1' }, null],
])('under %o the allowed hosts are addresses, localhost and %o', (env, names) => {
  expect(readConfig(env).allowedHosts).toEqual(names);
});

test.each([
  [{}, true],
  [{ NODE_ENV: 'production' }, false],
  [{ NODE_ENV: 'production', API_EXPLORER: '1' }, true],
  [{ API_EXPLORER: '0' }, false],
])('under %o the explorer is on: %s', (env, explorer) => {
  expect(readConfig(env).explorer).toBe(explorer);
});

test('a manifest of trusted documents turns the explorer off', () => {
  expect(readConfig({})).toMatchObject({ trustedDocuments: null, explorer: true });
  const manifest = 'persisted-documents.json';
  expect(readConfig({ TRUSTED_DOCUMENTS: manifest })).toMatchObject({
    trustedDocuments: manifest,
    explorer: false,
  });
});

test('a database that may lose transactions requires ALLOW_UNSAFE_DURABILITY', () => {
  expect(readConfig({}).allowUnsafeDurability).toBe(false);
  expect(readConfig({ ALLOW_UNSAFE_DURABILITY: '1' }).allowUnsafeDurability).toBe(true);
});

test.each([
  [{}, 30_000],
  [{ DRAIN_TIMEOUT: '5' }, 5000],
])('under %o the service has %i ms to stop', (env, ms) => {
  expect(readConfig(env).drainTimeoutMs).toBe(ms);
});

test.each([
  [{}, null],
  [{ OPERATIONS_PORT: '9100' }, { host: '127.0.0.1', port: 9100, allowedHosts: [] }],
  [
    { OPERATIONS_PORT: '0', PORT: '0' },
    { host: '127.0.0.1', port: 0, allowedHosts: [] },
  ],
  [
    { OPERATIONS_PORT: '9100', ALLOWED_HOSTS: 'ledger.example' },
    { host: '127.0.0.1', port: 9100, allowedHosts: ['ledger.example'] },
  ],
  [
    { OPERATIONS_PORT: '9100', HOST: '0.0.0.0' },
    { host: '0.0.0.0', port: 9100, allowedHosts: null },
  ],
  [
    { OPERATIONS_PORT: '9100', OPERATIONS_HOST: '127.0.0.1', HOST: '0.0.0.0' },
    { host: '127.0.0.1', port: 9100, allowedHosts: [] },
  ],
  // Two addresses may have the same port.
  [
    { OPERATIONS_PORT: '4000', OPERATIONS_HOST: '127.0.0.1', HOST: '10.0.0.1' },
    { host: '127.0.0.1', port: 4000, allowedHosts: [] },
  ],
])('under %o health and metrics have the address %o', (env, operations) => {
  expect(readConfig(env).operations).toEqual(operations);
});

test.each([
  [{}, 10_000],
  [{ RATE_LIMIT: '1' }, 1],
  [{ RATE_LIMIT: '1000000' }, 1_000_000],
])('under %o a key may send %i requests per second', (env, rateLimit) => {
  expect(readConfig(env).rateLimit).toBe(rateLimit);
});

test.each([
  [{}, 10],
  [{ PREVIEW_RATE_LIMIT: '1' }, 1],
])('under %o a restricted credential may send %i previews per second', (env, previewRateLimit) => {
  expect(readConfig(env).previewRateLimit).toBe(previewRateLimit);
});

test('TRUSTED_PROXIES are addresses, ranges and loopback; by default there are none', () => {
  expect(readConfig({}).trustedProxies).toBeUndefined();
  const { trustedProxies } = readConfig({ TRUSTED_PROXIES: 'loopback, 10.0.0.0/8' });
  expect(['127.0.0.1', '10.9.9.9', '192.0.2.1'].map((address) => trustedProxies?.check(address))).toEqual([
    true,
    true,
    false,
  ]);
});

const WRONG: readonly (readonly [env: Readonly<Record<string, string>>, message: string])[] = [
  [{ PORT: 'abc' }, 'PORT must be a port from 0 to 65535, but is "abc".'],
  [{ PORT: '65536' }, 'PORT must be a port from 0 to 65535, but is "65536".'],
  [{ PORT: '-1' }, 'PORT must be a port from 0 to 65535, but is "-1".'],
  [
    { LOG_LEVEL: 'loud' },
    'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent, but is "loud".',
  ],
  ...[
    'app.example',
    'https://app.example/',
    'https://App.example',
    '*',
    'ftp://app.example',
    'http://a.example,',
  ].map((list): [Record<string, string>, string] => [
    { CORS_ORIGINS: list },
    `CORS_ORIGINS must be origins such as https://app.example, separated by commas, without paths, but is "${list}".`,
  ]),
  [{ OPERATIONS_PORT: 'abc' }, 'OPERATIONS_PORT must be a port from 0 to 65535, but is "abc".'],
  [{ OPERATIONS_PORT: '65536' }, 'OPERATIONS_PORT must be a port from 0 to 65535, but is "65536".'],
  [{ OPERATIONS_PORT: '4000' }, 'OPERATIONS_PORT is 4000, which is also PORT. Set another port.'],
  [
    { OPERATIONS_HOST: '127.0.0.1' },
    'OPERATIONS_HOST is set, but OPERATIONS_PORT is not. Set both, or neither.',
  ],
  ...['RATE_LIMIT', 'PREVIEW_RATE_LIMIT'].flatMap((name) =>
    ['0', '-1', '1.5', '1000001', '10000000', 'none'].map((rate): [Record<string, string>, string] => [
      { [name]: rate },
      `${name} must be a whole number from 1 to 1,000,000, but is "${rate}".`,
    ]),
  ),
  ...['proxy.example', '10.0.0.0/33', 'loopback,'].map((list): [Record<string, string>, string] => [
    { TRUSTED_PROXIES: list },
    `TRUSTED_PROXIES must be addresses, ranges such as 10.0.0.0/8, or loopback, separated by commas, but is "${list}".`,
  ]),
  [{ API_EXPLORER: 'yes' }, 'API_EXPLORER must be 0 or 1, but is "yes".'],
  ...['0', '3601', '-1', '1.5', 'soon'].map((seconds): [Record<string, string>, string] => [
    { DRAIN_TIMEOUT: seconds },
    `DRAIN_TIMEOUT must be whole seconds from 1 to 3600, but is "${seconds}".`,
  ]),
  [
    { TRUSTED_DOCUMENTS: 'persisted-documents.json', API_EXPLORER: '1' },
    'TRUSTED_DOCUMENTS is set, but API_EXPLORER is "1". GraphiQL sends documents that are not in the manifest. Remove one of the two variables.',
  ],
  [{ ALLOW_UNSAFE_DURABILITY: 'yes' }, 'ALLOW_UNSAFE_DURABILITY must be 0 or 1, but is "yes".'],
  ...[
    'http://login.example/keys',
    'http://localhost.example/keys',
    'http://127.0.0.1.example/keys',
    'http://10.0.0.1/keys',
    'http://[::2]/keys',
    'https://user:secret@login.example/keys',
    'https://secret@login.example/keys',
    'https://login.example/keys#secret',
    'ftp://login.example/keys',
    'file:///etc/keys.json',
    '/etc/keys.json',
    'keys',
  ].map((url): [Record<string, string>, string] => [
    { ...TOKENS, JWT_JWKS_URL: url },
    'JWT_JWKS_URL must be a URL with https, or with http on a loopback address, without user, password and fragment, but is another value.',
  ]),
  ...['0', '86401', '-1', '1.5', '1h'].map((seconds): [Record<string, string>, string] => [
    { ...TOKENS, JWT_MAX_AGE: seconds },
    `JWT_MAX_AGE must be whole seconds from 1 to 86400, but is "${seconds}".`,
  ]),
  [
    { JWT_ISSUER: 'https://login.example', JWT_JWKS_URL: 'https://login.example/keys' },
    'JWT_ISSUER is set, but JWT_AUDIENCE is not. Set it to the audience that the issuer writes into tokens for this service.',
  ],
  [
    { ...TOKENS, JWT_JWKS_URL: '' },
    'JWT_ISSUER is set, with neither JWT_JWKS_URL nor JWT_JWKS_FILE. Set one of the two: it is where the keys of the issuer are read.',
  ],
  [
    { ...TOKENS, JWT_JWKS_FILE: 'keys.json' },
    'JWT_ISSUER is set, with both JWT_JWKS_URL and JWT_JWKS_FILE. Set one of the two: it is where the keys of the issuer are read.',
  ],
  ...['JWT_AUDIENCE', 'JWT_JWKS_FILE', 'JWT_UNRESTRICTED_CLAIM'].map(
    (name): [Record<string, string>, string] => [
      { [name]: 'x' },
      `${name} is set, but JWT_ISSUER is not. Set both, or neither.`,
    ],
  ),
  [{ JWT_MAX_AGE: '60' }, 'JWT_MAX_AGE is set, but JWT_ISSUER is not. Set both, or neither.'],
  [
    { ...TOKENS, JWT_ISSUER: 'x'.repeat(256) },
    `JWT_ISSUER must have at most 255 bytes, but is "${'x'.repeat(256)}".`,
  ],
  [{ ALLOW_INSECURE: 'yes' }, 'ALLOW_INSECURE must be 0 or 1, but is "yes".'],
  [
    { DATABASE_URL: 'mysql://root:secret@localhost/books' },
    'DATABASE_URL must be a URL such as postgres://user:password@host:5432/database, with special characters percent-encoded, but is another value.',
  ],
  [
    { DATABASE_MIGRATION_URL: 'postgres://localhost/books' },
    'DATABASE_MIGRATION_URL is set, but DATABASE_URL is not. Set both, or neither.',
  ],
];
test.each(WRONG)('%o is rejected in one line', (env, message) => {
  expect(() => readConfig(env)).toThrow(new ConfigError(message));
});
