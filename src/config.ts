import { join } from 'node:path';
import { z } from 'zod';
import { defaultDataDir } from './db/embedded/embedded-postgres.ts';

const PROJECT = join(import.meta.dirname, '..');

export interface Config {
  /** null: the embedded PostgreSQL, with its data in `dataDir`. */
  readonly database: { readonly url: string; readonly migrationUrl: string | null } | null;
  readonly dataDir: string;
  readonly host: string;
  /** Whether only this machine can reach `host`. */
  readonly isLoopback: boolean;
  /** Whether requests of other machines are accepted although no API key exists. */
  readonly allowInsecure: boolean;
  /** 0: any free port. */
  readonly port: number;
  readonly logLevel: LogLevel;
  /** How long the service may take to stop after SIGTERM or SIGINT. */
  readonly drainTimeoutMs: number;
  /** Origins whose pages may call the API from a browser. */
  readonly corsOrigins: readonly string[];
  /** Names that the Host header may have in addition to addresses and localhost; null: any name. */
  readonly allowedHosts: readonly string[] | null;
  /** Whether callers may explore the API: GraphiQL, introspection, /schema.graphql, and suggestions in errors. */
  readonly explorer: boolean;
  /** The path of a manifest. Only its documents are executed; null: all documents are. */
  readonly trustedDocuments: string | null;
  /** Whether a database that may lose committed transactions in a crash is accepted. */
  readonly allowUnsafeDurability: boolean;
}

/** An environment variable is invalid. The message is one line: the variable, the values that are allowed, and its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
type LogLevel = (typeof LOG_LEVELS)[number];
const LOOPBACK = ['127.0.0.1', '::1', 'localhost'];

const SECONDS = 'must be whole seconds from 1 to 3600';

const POSTGRES_URL =
  'must be a URL such as postgres://user:password@host:5432/database, with special characters percent-encoded';

const postgresUrl = z
  .url({ protocol: /^postgres(ql)?$/, error: POSTGRES_URL, abort: true })
  .refine(hasWholePassword, { error: POSTGRES_URL })
  .optional();
const flag = z.enum(['0', '1'], { error: 'must be 0 or 1' });
const environment = z.object({
  DATABASE_URL: postgresUrl,
  DATABASE_MIGRATION_URL: postgresUrl,
  LEDGER_DATA_DIR: z.string().optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: z
    .string()
    .regex(/^\d{1,5}$/, { error: 'must be a port from 0 to 65535' })
    .transform(Number)
    .refine((port) => port <= 65_535, { error: 'must be a port from 0 to 65535' })
    .default(4000),
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
  API_EXPLORER: flag.optional(),
  TRUSTED_DOCUMENTS: z.string().optional(),
  NODE_ENV: z.string().optional(),
});

/** Reads the configuration. A variable that is empty counts as absent. Throws `ConfigError`. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(set);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0]);
    throw new ConfigError(`${name} ${issue?.message}, but is ${shown(name, set[name])}.`);
  }
  const { HOST, DATABASE_URL, DATABASE_MIGRATION_URL, API_EXPLORER, NODE_ENV } = parsed.data;
  if (DATABASE_MIGRATION_URL !== undefined && DATABASE_URL === undefined) {
    throw new ConfigError('DATABASE_MIGRATION_URL is set, but DATABASE_URL is not. Set both, or neither.');
  }
  const { TRUSTED_DOCUMENTS } = parsed.data;
  if (TRUSTED_DOCUMENTS !== undefined && API_EXPLORER === '1') {
    throw new ConfigError(
      'TRUSTED_DOCUMENTS is set, but API_EXPLORER is "1". GraphiQL sends documents that are not in the manifest. ' +
        'Remove one of the two variables.',
    );
  }
  const explorerDefault = NODE_ENV === 'production' || TRUSTED_DOCUMENTS !== undefined ? '0' : '1';
  return {
    database:
      DATABASE_URL === undefined ? null : { url: DATABASE_URL, migrationUrl: DATABASE_MIGRATION_URL ?? null },
    dataDir: parsed.data.LEDGER_DATA_DIR ?? defaultDataDir(PROJECT),
    host: HOST,
    isLoopback: LOOPBACK.includes(HOST),
    allowInsecure: parsed.data.ALLOW_INSECURE === '1',
    port: parsed.data.PORT,
    drainTimeoutMs: parsed.data.DRAIN_TIMEOUT * 1000,
    logLevel: parsed.data.LOG_LEVEL,
    corsOrigins: parsed.data.CORS_ORIGINS,
    // Pages can reach a service on loopback by DNS rebinding. Beyond loopback the operator trusts the network.
    allowedHosts: LOOPBACK.includes(HOST) ? parsed.data.ALLOWED_HOSTS : null,
    allowUnsafeDurability: parsed.data.ALLOW_UNSAFE_DURABILITY === '1',
    explorer: (API_EXPLORER ?? explorerDefault) === '1',
    trustedDocuments: TRUSTED_DOCUMENTS ?? null,
  };
}

/** Throws `ConfigError` if other machines could do everything, because no API key was ever created. */
export function checkExposure({ host, isLoopback, allowInsecure }: Config, isKeyed: boolean): void {
  if (isLoopback || isKeyed || allowInsecure) return;
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

/** A name as browsers send it in the Host header. */
function isHostName(text: string): boolean {
  return URL.parse(`http://${text}`)?.host === text;
}

/** The value in an error message, except connection strings, which have passwords. */
function shown(name: string, value: string | undefined): string {
  return name.endsWith('_URL') ? 'another value' : JSON.stringify(value);
}
