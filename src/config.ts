import { join } from 'node:path';
import { z } from 'zod';
import { defaultDataDir } from './db/embedded/embedded-postgres.ts';

const PROJECT = join(import.meta.dirname, '..');

export interface Config {
  /** null: the embedded server, on `dataDir`. */
  readonly database: { readonly url: string; readonly migrationUrl: string | null } | null;
  readonly dataDir: string;
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
  readonly logLevel: LogLevel;
  /** How long the service may take to end once it is told to. */
  readonly drainTimeoutMs: number;
  /** Origins whose pages may use the API in a browser. */
  readonly corsOrigins: readonly string[];
  /** Names by which the service may be asked beside addresses and localhost; null: by any. */
  readonly allowedHosts: readonly string[] | null;
  /** Whether strangers may explore the API: GraphiQL, introspection, and suggestions in errors. */
  readonly explorer: boolean;
  /** Whether the database may lose in a crash what it has answered. */
  readonly allowUnsafeDurability: boolean;
}

/** The environment says something that cannot be. The message is one line: which variable, what it is, what it may be. */
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
  NODE_ENV: z.string().optional(),
});

/** Reads the configuration. A variable that is set to nothing counts as absent. Throws `ConfigError`. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(set);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0]);
    throw new ConfigError(`${name} ${issue?.message}, and is ${shown(name, set[name])}.`);
  }
  const { HOST, ALLOW_INSECURE, DATABASE_URL, DATABASE_MIGRATION_URL, API_EXPLORER, NODE_ENV } = parsed.data;
  if (!LOOPBACK.includes(HOST) && ALLOW_INSECURE !== '1') {
    throw new ConfigError(
      `HOST is ${JSON.stringify(HOST)}, which other machines can reach, and the ledger asks nobody who they are. ` +
        'Set ALLOW_INSECURE=1 if the network is to be trusted, or leave HOST at 127.0.0.1.',
    );
  }
  if (DATABASE_MIGRATION_URL !== undefined && DATABASE_URL === undefined) {
    throw new ConfigError('DATABASE_MIGRATION_URL is set, and DATABASE_URL is not. Set both, or none.');
  }
  return {
    database:
      DATABASE_URL === undefined ? null : { url: DATABASE_URL, migrationUrl: DATABASE_MIGRATION_URL ?? null },
    dataDir: parsed.data.LEDGER_DATA_DIR ?? defaultDataDir(PROJECT),
    host: HOST,
    port: parsed.data.PORT,
    drainTimeoutMs: parsed.data.DRAIN_TIMEOUT * 1000,
    logLevel: parsed.data.LOG_LEVEL,
    corsOrigins: parsed.data.CORS_ORIGINS,
    // Where other machines may ask, they may by any name; where this one alone does, a page must not by its own.
    allowedHosts: LOOPBACK.includes(HOST) ? parsed.data.ALLOWED_HOSTS : null,
    allowUnsafeDurability: parsed.data.ALLOW_UNSAFE_DURABILITY === '1',
    explorer: (API_EXPLORER ?? (NODE_ENV === 'production' ? '0' : '1')) === '1',
  };
}

/**
 * Whether the password of a connection string ends where it was meant to. With a special character in it as it is, a URL takes
 * the rest of the password for a database or an option, which errors show.
 */
function hasWholePassword(text: string): boolean {
  const { username, pathname, search, hash } = new URL(text);
  return hash === '' && !pathname.includes('@') && (username !== '' || !search.includes('@'));
}

/** An origin as browsers send it: a scheme, a host in lower case, and a port where it is not the scheme's own. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text;
}

/** A name as the Host header of a browser has it. */
function isHostName(text: string): boolean {
  return URL.parse(`http://${text}`)?.host === text;
}

/** A connection string has a password, which no log shows. */
function shown(name: string, value: string | undefined): string {
  return name.endsWith('_URL') ? 'something else' : JSON.stringify(value);
}
