import type { ApiKey } from '../../core/access/api-key.ts';
import { type KeyInput, visibleKeys } from '../../core/access/key-changes.ts';
import type { Actor, Viewer } from '../../core/access/viewer.ts';
import type { RecordedEvent } from '../../core/audit.ts';
import type { Refusal } from '../../core/errors.ts';
import type { AuditFilter } from '../../core/filters.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { findActors } from '../../db/access/actors.ts';
import { findKeys, findKeysOf, listKeys } from '../../db/access/api-keys.ts';
import type { KeysetRange, Listed } from '../../db/keyset.ts';
import { type LedgerRow, listLedgers } from '../../db/ledgers.ts';
import { findAuditEvents, listAuditEvents } from '../../db/lists/audit-lists.ts';
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
import { TokenActors } from './token-actors.ts';

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
  readonly #tokenActors: TokenActors;

  constructor({ db, onFault, onLedgerCreated }: AccessOptions) {
    this.#db = db;
    this.#onFault = onFault;
    this.#onLedgerCreated = onLedgerCreated;
    this.#keyed = new KeyedState(db);
    this.#keys = new KnownKeys(db, onFault);
    this.#tokenActors = new TokenActors(db);
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

  /**
   * Records the actor of a token, so that the books can name it. Call it before a request of the token is executed. Writes each actor
   * at most once, as long as it is cached. `issuer` and `subject`: 1 to 255 bytes without NUL.
   */
  recordTokenActor(issuer: string, subject: string): Promise<void> {
    return this.#tokenActors.record(issuer, subject);
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

  /** Returns the existing actors with these ids. The caller may read a record that names each of them. */
  async findActors(ids: readonly Uuid[]): Promise<Map<Uuid, Actor>> {
    const found = await retryRead(() => findActors(this.#db, ids));
    return new Map(found.map((actor) => [actor.id, actor]));
  }

  /**
   * Returns the actors with these ids that the viewer may look up: all, or those of the keys of the ledger. Without ADMIN, there are
   * none.
   */
  async findVisibleActors(viewer: Viewer, ledgerId: Uuid, ids: readonly Uuid[]): Promise<Map<Uuid, Actor>> {
    const visible = visibleKeys(viewer);
    if (visible === 'NONE') return new Map();
    if (visible === 'ALL') return this.findActors(ids);
    const keys = await retryRead(() => findKeysOf(this.#db, ids, ledgerId));
    return new Map(keys.map(({ actor }) => [actor.id, actor]));
  }

  /** Lists the events of the ledger's audit log that match, newest first. */
  async listAuditEvents(
    ledgerId: Uuid,
    filter: AuditFilter,
    range: KeysetRange<bigint>,
  ): Promise<Listed<bigint, RecordedEvent>> {
    const { actor, action, subject } = filter;
    const canMatch = actor !== null && action !== null && subject !== null;
    const rows = canMatch ? await retryRead(() => listAuditEvents(this.#db, ledgerId, filter, range)) : [];
    return { rows, stoppedAt: undefined };
  }

  /**
   * Returns the existing events of the ledger's audit log with these numbers that the viewer may see: those of accounts, and with
   * ADMIN all. A viewer that is restricted to an owner may see none.
   */
  async findAuditEvents(
    { scopes, owner }: Viewer,
    ledgerId: Uuid,
    numbers: readonly bigint[],
  ): Promise<Map<bigint, RecordedEvent>> {
    if (owner !== null) return new Map();
    const found = await retryRead(() => findAuditEvents(this.#db, ledgerId, numbers));
    const visible = found.filter(({ subjectType }) => subjectType === 'ACCOUNT' || scopes.has('ADMIN'));
    return new Map(visible.map((event) => [event.number, event]));
  }

  async #write<T>(write: () => Promise<T | Refusal>): Promise<T | Refusal> {
    try {
      return await write();
    } catch (error) {
      return refuseFault(this.#onFault, error);
    }
  }
}
