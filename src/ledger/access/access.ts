import type { ApiKey } from '../../core/access/api-key.ts';
import { type KeyInput, visibleKeys } from '../../core/access/key-changes.ts';
import type { Actor, Viewer } from '../../core/access/viewer.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { findKeys, findKeysOf, listKeys } from '../../db/access/api-keys.ts';
import type { KeysetRange, Listed } from '../../db/keyset.ts';
import { type LedgerRow, listLedgers } from '../../db/ledgers.ts';
import type { Database } from '../../db/postgres/database.ts';
import { retryRead } from '../reads.ts';
import { type OnFault, refuseFault } from '../retries.ts';
import { createLedger, type LedgerCreated } from './create-ledger.ts';
import {
  type ApiKeyCreated,
  type ApiKeyRevoked,
  createApiKey,
  revokeApiKey,
  toRevocation,
} from './key-changes.ts';
import { KeyedState } from './keyed-state.ts';
import { type InvalidKey, type KeyCredential, KnownKeys } from './known-keys.ts';

export type { ApiKey } from '../../core/access/api-key.ts';
export type { KeyInput } from '../../core/access/key-changes.ts';
export type { LedgerRow } from '../../db/ledgers.ts';
export type { LedgerCreated } from './create-ledger.ts';
export type { ApiKeyCreated, ApiKeyRevoked } from './key-changes.ts';
export type { InvalidKey, KeyCredential } from './known-keys.ts';

export interface AccessOptions {
  readonly db: Database;
  readonly onFault: OnFault;
  /** Called with each ledger that a call of `createLedger` returns. */
  readonly onLedgerCreated: (ledger: LedgerRow) => void;
}

/**
 * The API keys and the ledgers of a database. Changes never reject: faults are refusals. Reads reject with `UnavailableError` if
 * the database does not answer. `ledgerId`: the ledger of the request.
 */
export class Access {
  readonly #db: Database;
  readonly #onFault: OnFault;
  readonly #onLedgerCreated: (ledger: LedgerRow) => void;
  readonly #keyed: KeyedState;
  readonly #keys: KnownKeys;

  constructor({ db, onFault, onLedgerCreated }: AccessOptions) {
    this.#db = db;
    this.#onFault = onFault;
    this.#onLedgerCreated = onLedgerCreated;
    this.#keyed = new KeyedState(db);
    this.#keys = new KnownKeys(db, onFault);
  }

  /** Returns whether a key was ever created. Reads the database at most once a second until it is true, then never again. */
  isKeyed(): Promise<boolean> {
    return this.#keyed.isKeyed();
  }

  /**
   * Returns the credential of a key's text; otherwise why the key is not valid. A key that another process revoked is accepted for at
   * most 4 seconds longer.
   */
  authenticate(text: string): Promise<KeyCredential | InvalidKey> {
    return this.#keys.authenticate(text);
  }

  /** Creates a ledger, unless there is one with this name. Needs ADMIN and all ledgers. */
  async createLedger(viewer: Viewer, name: string, requestId: string): Promise<LedgerCreated | Refusal> {
    const created = await this.#write(() => createLedger(this.#db, viewer, name, requestId));
    if (created.code === 'LEDGER_CREATED') this.#onLedgerCreated(created.ledger);
    return created;
  }

  /** Creates a key for the ledger, or for all. Needs ADMIN, each scope of the key, and for all ledgers all ledgers. */
  async createKey(
    viewer: Viewer,
    ledgerId: Uuid,
    input: KeyInput,
    requestId: string,
  ): Promise<ApiKeyCreated | Refusal> {
    const created = await this.#write(() => createApiKey(this.#db, { viewer, ledgerId, requestId }, input));
    if (created.code === 'API_KEY_CREATED') this.#keyed.setKeyed();
    return created;
  }

  /** Revokes a key: at once in this process, within 5 seconds in others. Revoking it again changes nothing. Needs ADMIN. */
  async revokeKey(
    viewer: Viewer,
    ledgerId: Uuid,
    apiKeyId: string,
    requestId: string,
  ): Promise<ApiKeyRevoked | Refusal> {
    const request = toRevocation(viewer, apiKeyId);
    if ('code' in request) return request;
    const { id } = request;
    try {
      return await this.#write(() => revokeApiKey(this.#db, { viewer, ledgerId, requestId }, apiKeyId, id));
    } finally {
      // Also after a refusal, which may follow an unknown COMMIT.
      this.#keys.forget(id);
    }
  }

  /** Lists the ledgers that the viewer may use, by id, newest first. */
  async listLedgers(
    viewer: Viewer,
    ledgerId: Uuid,
    range: KeysetRange<Uuid>,
  ): Promise<Listed<Uuid, LedgerRow>> {
    const only = viewer.allLedgers ? undefined : ledgerId;
    return { rows: await retryRead(() => listLedgers(this.#db, only, range)), stoppedAt: undefined };
  }

  /** Lists the keys that the viewer may see, newest first: all, or those of the ledger. Without ADMIN, there are none. */
  async listKeys(viewer: Viewer, ledgerId: Uuid, range: KeysetRange<Uuid>): Promise<Listed<Uuid, ApiKey>> {
    const visible = visibleKeys(viewer);
    if (visible === 'NONE') return { rows: [], stoppedAt: undefined };
    const only = visible === 'ALL' ? undefined : ledgerId;
    return { rows: await retryRead(() => listKeys(this.#db, only, range)), stoppedAt: undefined };
  }

  /** Returns the existing keys with these ids that the viewer may see. */
  async findKeys(viewer: Viewer, ledgerId: Uuid, ids: readonly Uuid[]): Promise<Map<Uuid, ApiKey>> {
    const visible = visibleKeys(viewer);
    if (visible === 'NONE') return new Map();
    const only = visible === 'ALL' ? undefined : ledgerId;
    const found = await retryRead(() => findKeys(this.#db, ids, only));
    return new Map(found.map((key) => [key.id, key]));
  }

  /** Returns the actors with these ids whose keys the viewer may see. */
  async findActors(viewer: Viewer, ledgerId: Uuid, ids: readonly Uuid[]): Promise<Map<Uuid, Actor>> {
    const visible = visibleKeys(viewer);
    if (visible === 'NONE') return new Map();
    const only = visible === 'ALL' ? undefined : ledgerId;
    const found = await retryRead(() => findKeysOf(this.#db, ids, only));
    return new Map(found.map(({ actor }) => [actor.id, actor]));
  }

  async #write<T>(write: () => Promise<T | Refusal>): Promise<T | Refusal> {
    try {
      return await write();
    } catch (error) {
      return refuseFault(this.#onFault, error);
    }
  }
}
