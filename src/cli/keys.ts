import { type ApiKey, stateOfKey } from '../core/access/api-key.ts';
import type { Scope } from '../core/access/viewer.ts';
import { formatId, parseId } from '../core/values/ids.ts';
import { formatInstant, type Instant } from '../core/values/instant.ts';
import { excerpt } from '../core/values/text.ts';
import type { KeyInput } from '../ledger/access/access.ts';
import type { Engine } from '../ledger/engine.ts';
import { demandLedger } from './ledgers.ts';
import { listAll } from './lists.ts';
import { accepted, type Operator } from './operator.ts';
import { COMMAND, CommandError, formatTable, printable, type Report } from './report.ts';

/** The options of `keys create`. */
export interface KeyOptions {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly ledger: string;
  readonly allLedgers?: boolean;
  readonly owner?: string;
  readonly expires?: Instant;
  readonly requestsPerSecond?: number;
}

/** The options of the fields of the input. */
const OPTION_OF = {
  name: '--name',
  scopes: '--scopes',
  owner: '--owner',
  expiresAt: '--expires',
  requestsPerSecond: '--requests-per-second',
} satisfies Partial<Record<keyof KeyInput, string>>;

const EXAMPLE = `${COMMAND} keys create --name ops --scopes ADMIN,READ --all-ledgers`;

/** Creates a key. Its secret is the only line of the output. */
export async function createKey(engine: Engine, operator: Operator, options: KeyOptions): Promise<Report> {
  const { name, scopes, allLedgers = false, owner, expires: expiresAt, requestsPerSecond } = options;
  const { id } = allLedgers ? await engine.main() : await demandLedger(engine, options.ledger);
  const input = { name, scopes, allLedgers, owner, expiresAt, requestsPerSecond };
  const { viewer, requestId } = operator;
  const { apiKey, secret } = accepted(await engine.access.createKey(viewer, id, input, requestId), OPTION_OF);
  return {
    json: { apiKey: toJson(apiKey), secret },
    lines: [secret],
    before: [
      `Created the API key ${describe(apiKey)}.`,
      'Store the secret: it is shown only this once. Requests send it in the header authorization: Bearer SECRET',
    ],
  };
}

/** Lists all keys, the oldest first, revoked ones too. */
export async function listKeys(engine: Engine, { viewer }: Operator): Promise<Report> {
  const keys = await allKeys(engine, { viewer });
  const now = BigInt(Date.now()) * 1000n;
  const rows = keys.map((key) => [
    formatId('apiKey', key.id),
    key.name,
    key.ledger?.name ?? '(all)',
    key.scopes.join(','),
    key.owner ?? '(any)',
    describeState(key, now),
    key.lastUsedAt === null ? 'never' : formatMinute(key.lastUsedAt),
  ]);
  const titles = ['ID', 'NAME', 'LEDGER', 'SCOPES', 'OWNER', 'STATE', 'LAST USED'];
  return {
    json: { apiKeys: keys.map(toJson) },
    lines: keys.length === 0 ? [] : formatTable([titles, ...rows]),
    after: keys.length > 0 ? [] : [`There are no API keys. Create one: ${EXAMPLE}`],
  };
}

/**
 * Revokes a key: that with this id, that whose text begins with this prefix, or the only one with this name that is not revoked.
 * The whole text of a key that leaked is accepted too.
 */
export async function revokeKey(engine: Engine, operator: Operator, which: string): Promise<Report> {
  const { id: main } = await engine.main();
  const given = which.replace(/^tlsk_([0-9a-z]{26})(_.*)?$/s, 'key_$1');
  const id = parseId('apiKey', given) === undefined ? await idOf(engine, operator, given) : given;
  const { viewer, requestId } = operator;
  const { apiKey } = accepted(await engine.access.revokeKey(viewer, main, id, requestId));
  return {
    json: { apiKey: toJson(apiKey) },
    lines: [`Revoked the API key ${describe(apiKey)}.`],
    after: ['Running services reject it within 5 seconds.'],
  };
}

/** Returns the id of the key with a name. */
async function idOf(engine: Engine, operator: Operator, name: string): Promise<string> {
  const keys = (await allKeys(engine, operator)).filter((key) => key.name === name && key.revokedAt === null);
  const [key] = keys;
  const quoted = JSON.stringify(excerpt(name));
  if (key === undefined) {
    throw new CommandError(`No valid key has the name ${quoted}. List the keys: ${COMMAND} keys list`);
  }
  if (keys.length === 1) return formatId('apiKey', key.id);
  const found = keys.map((each) => `${formatId('apiKey', each.id)} (${reachOf(each)})`);
  throw new CommandError(`Several keys have the name ${quoted}. Pass the id of one: ${found.join(', ')}`);
}

async function allKeys(engine: Engine, { viewer }: Pick<Operator, 'viewer'>): Promise<ApiKey[]> {
  const { id } = await engine.main();
  return await listAll((range) => engine.access.listKeys(viewer, id, range));
}

function describe(key: ApiKey): string {
  const limits = [
    reachOf(key),
    `scopes ${key.scopes.join(', ')}`,
    ...(key.owner === null ? [] : [`accounts of ${printable(key.owner)} only`]),
    ...(key.requestsPerSecond === null ? [] : [`${key.requestsPerSecond} requests per second`]),
    key.expiresAt === null ? 'no expiry' : `expires at ${formatInstant(key.expiresAt)}`,
  ];
  return `${printable(key.name)} (${formatId('apiKey', key.id)}): ${limits.join('; ')}`;
}

function reachOf({ ledger }: ApiKey): string {
  return ledger === null ? 'all ledgers' : `ledger ${ledger.name}`;
}

function describeState(key: ApiKey, now: Instant): string {
  if (key.revokedAt !== null) return `revoked ${formatMinute(key.revokedAt)}`;
  if (key.expiresAt === null) return 'valid';
  const isValid = stateOfKey(key, now) === 'VALID';
  return `${isValid ? 'valid until' : 'expired'} ${formatMinute(key.expiresAt)}`;
}

/** `2026-01-31 12:00Z`. */
function formatMinute(instant: Instant): string {
  return `${formatInstant(instant).slice(0, 16).replace('T', ' ')}Z`;
}

/** Returns the fields that the API shows. */
function toJson({ id, actor, ledger, createdAt, expiresAt, lastUsedAt, revokedAt, ...key }: ApiKey) {
  const { name, prefix, scopes, owner, requestsPerSecond } = key;
  const orNull = (instant: Instant | null) => (instant === null ? null : formatInstant(instant));
  return {
    id: formatId('apiKey', id),
    actor: { id: formatId('actor', actor.id), kind: actor.kind, name: actor.name },
    name,
    prefix,
    scopes,
    owner,
    ledger: ledger === null ? null : { id: formatId('ledger', ledger.id), name: ledger.name },
    requestsPerSecond,
    createdAt: formatInstant(createdAt),
    expiresAt: orNull(expiresAt),
    lastUsedAt: orNull(lastUsedAt),
    revokedAt: orNull(revokedAt),
  };
}
