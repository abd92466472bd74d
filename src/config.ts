import type { BlockList } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { checkName } from './core/values/text.ts';
import { defaultDataDir } from './db/embedded/embedded-postgres.ts';
import { readTrustedProxies } from './server/access/address.ts';
import { DEFAULT_PREVIEW_RATE_LIMIT, DEFAULT_RATE_LIMIT } from './server/access/rate-limits.ts';
import type { TokenRules } from './server/access/tokens/tokens.ts';

const PROJECT = join(import.meta.dirname, '..');

/** The database, and which databases are accepted. */
export interface DatabaseConfig {
  /** null: the embedded PostgreSQL, with its data in `dataDir`. */
  readonly database: { readonly url: string; readonly migrationUrl: string | null } | null;
  readonly dataDir: string;
  /** Whether a database that may lose committed transactions in a crash is accepted. */
  readonly allowUnsafeDurability: boolean;
}

export interface Config extends DatabaseConfig {
  readonly host: string;
  /** Whether only this machine can reach `host`. */
  readonly isLoopback: boolean;
  /** Whether requests of other machines are accepted although no API key exists. */
  readonly allowInsecure: boolean;
  /** 0: any free port. */
  readonly port: number;
  /** The address that serves health and metrics. Null: the API's own. */
  readonly operations: OperationsAddress | null;
  /** The tokens that are accepted. Null: none are. */
  readonly tokens: TokenConfig | null;
  /** The requests per second of an API key without a limit of its own. */
  readonly rateLimit: number;
  readonly previewRateLimit: number;
  /** Proxies whose X-Forwarded-For counts. */
  readonly trustedProxies: BlockList | undefined;
  readonly logLevel: LogLevel;
  /** How long the service may take to stop after SIGTERM or SIGINT. */
  readonly drainTimeoutMs: number;
  /** Origins whose pages may call the API from a browser. */
  readonly corsOrigins: readonly string[];
  /** Names that the Host header may have in addition to addresses and localhost; null: any name. */
  readonly allowedHosts: readonly string[] | null;
  /** Whether callers may explore the API: GraphiQL, introspection, /schema.graphql, and suggestions in errors. */
  readonly explorer: boolean;
  /** Whether the service serves the console at `/`. */
  readonly console: boolean;
  /** The path of a manifest. Only its documents are executed; null: all documents are. */
  readonly trustedDocuments: string | null;
}

export interface TokenConfig extends TokenRules {
  /** The URL of the issuer's JWKS, or of a file. */
  readonly keys: URL;
}

export interface OperationsAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** As in `Config`. */
  readonly allowedHosts: readonly string[] | null;
}

/** An environment variable is invalid. The message is one line: the variable, the values that are allowed, and its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];
const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];

const RATE = `must be a whole number from 1 to ${(1_000_000).toLocaleString('en')}`;
const SECONDS = 'must be whole seconds from 1 to 3600';

const TOKEN_AGE = 'must be whole seconds from 1 to 86400';
const JWKS_URL =
  'must be a URL with https, or with http on a loopback address, without user, password and fragment';

const POSTGRES_URL =
  'must be a URL such as postgres://user:password@host:5432/database, with special characters percent-encoded';

const postgresUrl = z
  .url({ protocol: /^postgres(ql)?$/, error: POSTGRES_URL, abort: true })
  .refine(hasWholePassword, { error: POSTGRES_URL })
  .optional();
const port = z
  .string()
  .regex(/^\d{1,5}$/, { error: 'must be a port from 0 to 65535' })
  .transform(Number)
  .refine((port) => port <= 65_535, { error: 'must be a port from 0 to 65535' });
const rate = z
  .string()
  .regex(/^\d{1,7}$/, { error: RATE })
  .transform(Number)
  .refine((number) => number >= 1 && number <= 1_000_000, { error: RATE });
const flag = z.enum(['0', '1'], { error: 'must be 0 or 1' });
const environment = z.object({
  DATABASE_URL: postgresUrl,
  DATABASE_MIGRATION_URL: postgresUrl,
  LEDGER_DATA_DIR: z.string().optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: port.default(4000),
  OPERATIONS_HOST: z.string().optional(),
  OPERATIONS_PORT: port.optional(),
  RATE_LIMIT: rate.default(DEFAULT_RATE_LIMIT),
  PREVIEW_RATE_LIMIT: rate.default(DEFAULT_PREVIEW_RATE_LIMIT),
  TRUSTED_PROXIES: z
    .string()
    .transform(readTrustedProxies)
    .refine((proxies) => proxies !== undefined, {
      error: 'must be addresses, ranges such as 10.0.0.0/8, or loopback, separated by commas',
    })
    .optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).default('info'),
  DRAIN_TIMEOUT: z
    .string()
    .regex(/^\d{1,4}$/, { error: SECONDS })
    .transform(Number)
    .refine((seconds) => seconds >= 1 && seconds <= 3600, { error: SECONDS })
    .default(30),
  ALLOW_INSECURE: flag.default('0'),
  ALLOW_UNSAFE_DURABILITY: flag.default('0'),
  CORS_ORIGINS: z
    .string()
    .transform((list) => list.split(',').map((origin) => origin.trim()))
    .refine((origins) => origins.every(isOrigin), {
      error: 'must be origins such as https://app.example, separated by commas, without paths',
    })
    .default([]),
  ALLOWED_HOSTS: z
    .string()
    .transform((list) => list.split(',').map((name) => name.trim()))
    .refine((names) => names.every(isHostName), {
      error: 'must be names such as ledger.example, separated by commas, without ports',
    })
    .default([]),
  JWT_ISSUER: z
    .string()
    .refine((issuer) => checkName(issuer) === undefined, { error: 'must have at most 255 bytes' })
    .optional(),
  JWT_AUDIENCE: z.string().optional(),
  JWT_JWKS_URL: z.url({ error: JWKS_URL, abort: true }).refine(isKeysUrl, { error: JWKS_URL }).optional(),
  JWT_JWKS_FILE: z.string().optional(),
  JWT_MAX_AGE: z
    .string()
    .regex(/^\d{1,5}$/, { error: TOKEN_AGE })
    .transform(Number)
    .refine((seconds) => seconds >= 1 && seconds <= 86_400, { error: TOKEN_AGE })
    .optional(),
  JWT_UNRESTRICTED_CLAIM: z.string().optional(),
  API_EXPLORER: flag.optional(),
  CONSOLE: flag.default('1'),
  TRUSTED_DOCUMENTS: z.string().optional(),
  NODE_ENV: z.string().optional(),
});

const databaseEnvironment = environment.pick({
  DATABASE_URL: true,
  DATABASE_MIGRATION_URL: true,
  LEDGER_DATA_DIR: true,
  ALLOW_UNSAFE_DURABILITY: true,
});

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the part of the configuration that concerns the database. The other variables are ignored. Throws `ConfigError`. */
export function readDatabaseConfig(env: Environment): DatabaseConfig {
  return toDatabaseConfig(parse(databaseEnvironment, env));
}

/** Reads the configuration. A variable that is empty counts as absent. Throws `ConfigError`. */
export function readConfig(env: Environment): Config {
  const data = parse(environment, env);
  const { HOST, API_EXPLORER, NODE_ENV } = data;
  const databaseConfig = toDatabaseConfig(data);
  const { TRUSTED_DOCUMENTS } = data;
  if (TRUSTED_DOCUMENTS !== undefined && API_EXPLORER === '1') {
    throw new ConfigError(
      'TRUSTED_DOCUMENTS is set, but API_EXPLORER is "1". GraphiQL sends documents that are not in the manifest. ' +
        'Remove one of the two variables.',
    );
  }
  const operations = readOperations(data);
  const explorerDefault = NODE_ENV === 'production' || TRUSTED_DOCUMENTS !== undefined ? '0' : '1';
  return {
    ...databaseConfig,
    host: HOST,
    isLoopback: LOOPBACK.includes(HOST),
    allowInsecure: data.ALLOW_INSECURE === '1',
    port: data.PORT,
    operations,
    tokens: readTokens(data),
    rateLimit: data.RATE_LIMIT,
    previewRateLimit: data.PREVIEW_RATE_LIMIT,
    trustedProxies: data.TRUSTED_PROXIES,
    drainTimeoutMs: data.DRAIN_TIMEOUT * 1000,
    logLevel: data.LOG_LEVEL,
    corsOrigins: data.CORS_ORIGINS,
    allowedHosts: allowedHostsOf(HOST, data.ALLOWED_HOSTS),
    explorer: (API_EXPLORER ?? explorerDefault) === '1',
    console: data.CONSOLE === '1',
    trustedDocuments: TRUSTED_DOCUMENTS ?? null,
  };
}

function parse<T>(schema: z.ZodType<T>, env: Environment): T {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(set);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0]);
  throw new ConfigError(`${name} ${issue?.message}, but is ${shown(name, set[name])}.`);
}

function toDatabaseConfig(data: z.infer<typeof databaseEnvironment>): DatabaseConfig {
  const { DATABASE_URL, DATABASE_MIGRATION_URL, LEDGER_DATA_DIR, ALLOW_UNSAFE_DURABILITY } = data;
  if (DATABASE_MIGRATION_URL !== undefined && DATABASE_URL === undefined) {
    throw new ConfigError('DATABASE_MIGRATION_URL is set, but DATABASE_URL is not. Set both, or neither.');
  }
  return {
    database:
      DATABASE_URL === undefined ? null : { url: DATABASE_URL, migrationUrl: DATABASE_MIGRATION_URL ?? null },
    dataDir: LEDGER_DATA_DIR ?? defaultDataDir(PROJECT),
    allowUnsafeDurability: ALLOW_UNSAFE_DURABILITY === '1',
  };
}

const TOKEN_VARIABLES = [
  'JWT_AUDIENCE',
  'JWT_JWKS_URL',
  'JWT_JWKS_FILE',
  'JWT_MAX_AGE',
  'JWT_UNRESTRICTED_CLAIM',
] as const;
const DEFAULT_TOKEN_AGE_SECONDS = 3600;

function readTokens(env: z.output<typeof environment>): TokenConfig | null {
  const { JWT_ISSUER, JWT_AUDIENCE, JWT_JWKS_URL, JWT_JWKS_FILE } = env;
  if (JWT_ISSUER === undefined) {
    // Without the issuer everyone might be admitted, which such a configuration cannot mean.
    const set = TOKEN_VARIABLES.find((name) => env[name] !== undefined);
    if (set === undefined) return null;
    throw new ConfigError(`${set} is set, but JWT_ISSUER is not. Set both, or neither.`);
  }
  if (JWT_AUDIENCE === undefined) {
    throw new ConfigError(
      'JWT_ISSUER is set, but JWT_AUDIENCE is not. Set it to the audience that the issuer writes into tokens for this service.',
    );
  }
  if ((JWT_JWKS_URL === undefined) === (JWT_JWKS_FILE === undefined)) {
    const set =
      JWT_JWKS_URL === undefined
        ? 'neither JWT_JWKS_URL nor JWT_JWKS_FILE'
        : 'both JWT_JWKS_URL and JWT_JWKS_FILE';
    throw new ConfigError(
      `JWT_ISSUER is set, with ${set}. Set one of the two: it is where the keys of the issuer are read.`,
    );
  }
  return {
    issuer: JWT_ISSUER,
    audience: JWT_AUDIENCE,
    keys: JWT_JWKS_URL === undefined ? pathToFileURL(JWT_JWKS_FILE ?? '') : new URL(JWT_JWKS_URL),
    maxAgeSeconds: env.JWT_MAX_AGE ?? DEFAULT_TOKEN_AGE_SECONDS,
    unrestrictedClaim: env.JWT_UNRESTRICTED_CLAIM ?? null,
  };
}

function readOperations(env: z.output<typeof environment>): OperationsAddress | null {
  const { HOST, PORT, OPERATIONS_HOST, OPERATIONS_PORT, ALLOWED_HOSTS } = env;
  if (OPERATIONS_PORT === undefined) {
    if (OPERATIONS_HOST === undefined) return null;
    throw new ConfigError('OPERATIONS_HOST is set, but OPERATIONS_PORT is not. Set both, or neither.');
  }
  const host = OPERATIONS_HOST ?? HOST;
  if (OPERATIONS_PORT === PORT && OPERATIONS_PORT !== 0 && host === HOST) {
    throw new ConfigError(`OPERATIONS_PORT is ${PORT}, which is also PORT. Set another port.`);
  }
  return { host, port: OPERATIONS_PORT, allowedHosts: allowedHostsOf(host, ALLOWED_HOSTS) };
}

/** Pages can reach a service on loopback by DNS rebinding. Beyond loopback the operator trusts the network. */
function allowedHostsOf(host: string, names: readonly string[]): readonly string[] | null {
  return LOOPBACK.includes(host) ? names : null;
}

/** Throws `ConfigError` if other machines could do everything, because no API key was ever created and no tokens are accepted. */
export function checkExposure(config: Config, isKeyed: boolean): void {
  const { host, isLoopback, allowInsecure, tokens } = config;
  if (isLoopback || isKeyed || tokens !== null || allowInsecure) return;
  throw new ConfigError(
    `HOST is ${JSON.stringify(host)}, which other machines can reach, but no API key exists. Create one with ` +
      `${CREATE_KEY}, set ALLOW_INSECURE=1 if you trust the network, or leave HOST at 127.0.0.1.`,
  );
}

/** The command that creates the first API key. */
export const CREATE_KEY = 'npm run ledger -- keys create --name ops --scopes ADMIN,READ --all-ledgers';

/**
 * Returns whether a connection string has no unencoded special character in its password. A URL would take the rest of such a
 * password for the database or an option, which error messages show.
 */
function hasWholePassword(text: string): boolean {
  const { username, pathname, search, hash } = new URL(text);
  return hash === '' && !pathname.includes('@') && (username !== '' || !search.includes('@'));
}

/** An origin as browsers send it: a scheme, a host in lower case, and a port unless it is the scheme's default. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;
}

/** Keys that are read without encryption could be replaced on their way. */
function isKeysUrl(text: string): boolean {
  const { protocol, hostname, username, password, hash } = new URL(text);
  const isLoopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
  return (
    (protocol === 'https:' || (protocol === 'http:' && isLoopback)) && `${username}${password}${hash}` === ''
  );
}

/** A name as browsers send it in the Host header. */
function isHostName(text: string): boolean {
  return URL.parse(`http://${text}`)?.host === text;
}

/** The value in an error message, except connection strings, which have passwords. */
function shown(name: string, value: string | undefined): string {
  return name.endsWith('_URL') ? 'another value' : JSON.stringify(value);
}
