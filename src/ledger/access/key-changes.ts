import { randomBytes } from 'node:crypto';
import type { Transaction } from 'kysely';
import { uuidv7 } from 'uuidv7';
import type { ApiKey } from '../../core/access/api-key.ts';
import { forbid } from '../../core/access/forbid.ts';
import {
  auditKeyCreation,
  auditKeyRevocation,
  type KeyInput,
  type NewKey,
  refuseTakenName,
  toNewKey,
  visibleKeys,
} from '../../core/access/key-changes.ts';
import { formatKeyText, looksLikeKeyText, SECRET_BYTES, secretDigest } from '../../core/access/key-text.ts';
import type { Viewer } from '../../core/access/viewer.ts';
import { MAIN } from '../../core/create-ledger.ts';
import { type Refusal, refuse } from '../../core/errors.ts';
import { parseId, type Uuid } from '../../core/values/ids.ts';
import {
  findKeys,
  insertKey,
  isNameTaken,
  isValidActor,
  lockKey,
  revokeKey,
} from '../../db/access/api-keys.ts';
import { insertAuditEvent } from '../../db/audit.ts';
import { getLedgerId } from '../../db/ledgers.ts';
import type { Database } from '../../db/postgres/database.ts';
import type { DB } from '../../db/tables.ts';
import { retry } from '../retries.ts';

export interface ApiKeyCreated {
  readonly code: 'API_KEY_CREATED';
  readonly apiKey: ApiKey;
  /** The text of the key. It is shown once: the database has only its digest. */
  readonly secret: string;
}

export interface ApiKeyRevoked {
  readonly code: 'API_KEY_REVOKED';
  readonly apiKey: ApiKey;
}

/** A request that changes keys. */
export interface KeyRequest {
  readonly viewer: Viewer;
  /** The ledger of the request. */
  readonly ledgerId: Uuid;
  readonly requestId: string;
}

/**
 * Returns the refusal of a viewer whose key was revoked or expired after the viewer was identified: a key must not create another
 * one that outlives its own revocation. Otherwise locks the key until the transaction ends.
 */
export async function refuseInvalidKey(
  trx: Transaction<DB>,
  viewer: Viewer,
): Promise<Refusal<'FORBIDDEN'> | undefined> {
  if (viewer.actor?.kind !== 'API_KEY' || (await isValidActor(trx, viewer.actor.id))) return undefined;
  return forbid(viewer, 'a key that is neither revoked nor expired');
}

/** Creates a key. See `Access.createKey`. */
export async function createApiKey(
  db: Database,
  request: KeyRequest,
  input: KeyInput,
): Promise<ApiKeyCreated | Refusal> {
  const wanted = toNewKey(request.viewer, input, BigInt(Date.now()) * 1000n);
  if ('code' in wanted) return wanted;
  // The same in all attempts: if the outcome of COMMIT is unknown, the next attempt recognizes the key by its id.
  const id = uuidv7();
  const secret = randomBytes(SECRET_BYTES);
  return retry(async () => {
    const apiKey = await insertOnce(db, request, { ...wanted, id, secret: secretDigest(secret) });
    if (apiKey === undefined) return refuseTakenName(wanted.name);
    if ('code' in apiKey) return apiKey;
    return { code: 'API_KEY_CREATED', apiKey, secret: formatKeyText(id, secret) };
  });
}

/** Returns the key, which this attempt or an earlier one inserted; undefined if another key has its name. */
async function insertOnce(
  db: Database,
  { viewer, ledgerId, requestId }: KeyRequest,
  { allLedgers, ...wanted }: NewKey & { readonly id: Uuid; readonly secret: Buffer },
): Promise<ApiKey | Refusal<'FORBIDDEN'> | undefined> {
  const ids = [wanted.id];
  const home = allLedgers ? null : ledgerId;
  try {
    return await db
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (trx) => {
        const [existing] = await findKeys(trx, ids, undefined);
        if (existing !== undefined) return existing;
        const refusal = await refuseInvalidKey(trx, viewer);
        if (refusal !== undefined) return refusal;
        await insertKey(trx, { ...wanted, ledgerId: home });
        const [key] = await findKeys(trx, ids, undefined);
        if (key === undefined) throw new TypeError('the key was inserted');
        const logId = home ?? (await getLedgerId(trx, MAIN));
        await insertAuditEvent(trx, logId, auditKeyCreation(key, wanted.secret), requestId, viewer.actor?.id);
        return key;
      });
  } catch (error) {
    if (!isNameTaken(error)) throw error;
    // An earlier attempt whose COMMIT was unknown may have taken the name meanwhile.
    const [existing] = await findKeys(db, ids, undefined);
    return existing;
  }
}

/** Returns the id of the key to revoke. */
export function toRevocation(viewer: Viewer, apiKeyId: string): { readonly id: Uuid } | Refusal {
  if (visibleKeys(viewer) === 'NONE') return forbid(viewer, 'the scope ADMIN');
  if (looksLikeKeyText(apiKeyId)) {
    const problem = 'must be the id of an API key, such as key_…: never send the text of the key here';
    return refuse('malformedInput', { field: 'apiKeyId', problem });
  }
  const id = parseId('apiKey', apiKeyId);
  return id === undefined ? refuse('apiKeyNotFound', { apiKeyId }) : { id };
}

/** Revokes a key. See `Access.revokeKey`. */
export function revokeApiKey(
  db: Database,
  { viewer, ledgerId, requestId }: KeyRequest,
  apiKeyId: string,
  id: Uuid,
): Promise<ApiKeyRevoked | Refusal> {
  const only = viewer.allLedgers ? undefined : ledgerId;
  return retry(() =>
    db
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (trx) => {
        const refusal = await refuseInvalidKey(trx, viewer);
        if (refusal !== undefined) return refusal;
        const locked = await lockKey(trx, id, only);
        if (locked === undefined) return refuse('apiKeyNotFound', { apiKeyId });
        if (locked.revokedAt === null) {
          const event = auditKeyRevocation(id, await revokeKey(trx, id));
          const logId = locked.ledgerId ?? (await getLedgerId(trx, MAIN));
          await insertAuditEvent(trx, logId, event, requestId, viewer.actor?.id);
        }
        const [apiKey] = await findKeys(trx, [id], only);
        if (apiKey === undefined) throw new TypeError('a key is never removed');
        return { code: 'API_KEY_REVOKED', apiKey };
      }),
  );
}
