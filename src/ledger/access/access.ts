import type { ApiKey, KeyInput } from '../../core/access/api-key.ts';
import type { Viewer } from '../../core/access/viewer.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Uuid } from '../../core/values/ids.ts';
import type { KeysetRange, Listed } from '../../db/keyset.ts';
import type { LedgerRow } from '../../db/ledgers.ts';
import type { Database } from '../../db/postgres/database.ts';
import type { OnFault } from '../retries.ts';

export type { ApiKey, KeyInput } from '../../core/access/api-key.ts';

/** A key that may be used, and what its bearer may do. */
export interface Credential {
  readonly key: ApiKey;
  readonly viewer: Viewer;
}

export interface LedgerCreated {
  readonly code: 'LEDGER_CREATED';
  readonly ledger: LedgerRow;
  /** The ledger existed before. */
  readonly replayed: boolean;
}

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

export interface AccessOptions {
  readonly db: Database;
  readonly onFault: OnFault;
}

/**
 * The API keys and the ledgers of a database. Writes never reject: faults are refusals. Reads reject with `UnavailableError` if
 * the database does not answer.
 */
export class Access {
  readonly #options: AccessOptions;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /**
   * Returns whether an API key was ever created. Reads the database at most once a second until it is true, then never again.
   */
  isKeyed(): Promise<boolean> {
    return this.#todo();
  }

  /**
   * Returns the credential of a key's text; otherwise why it is not valid. Malformed texts, unknown ids and wrong secrets are
   * UNKNOWN.
   */
  authenticate(_text: string): Promise<Credential | 'UNKNOWN' | 'EXPIRED' | 'REVOKED'> {
    return this.#todo();
  }

  /** Creates a ledger, unless there is one with this name. Needs ADMIN and all ledgers. */
  createLedger(_viewer: Viewer, _name: string, _requestId: string): Promise<LedgerCreated | Refusal> {
    return this.#todo();
  }

  /** Creates a key for a ledger, or for all. Needs ADMIN, and everything that the key permits. */
  createKey(
    _viewer: Viewer,
    _ledgerId: Uuid,
    _input: KeyInput,
    _requestId: string,
  ): Promise<ApiKeyCreated | Refusal> {
    return this.#todo();
  }

  /** Revokes a key, at once in this process and within 5 seconds in others. Revoking it again changes nothing. */
  revokeKey(
    _viewer: Viewer,
    _ledgerId: Uuid,
    _apiKeyId: string,
    _requestId: string,
  ): Promise<ApiKeyRevoked | Refusal> {
    return this.#todo();
  }

  /** Lists the ledgers that the viewer may use, newest first. */
  listLedgers(_viewer: Viewer, _ledgerId: Uuid, _range: KeysetRange<Uuid>): Promise<Listed<Uuid, LedgerRow>> {
    return this.#todo();
  }

  /** Lists the keys that the viewer may see, newest first. */
  listKeys(_viewer: Viewer, _ledgerId: Uuid, _range: KeysetRange<Uuid>): Promise<Listed<Uuid, ApiKey>> {
    return this.#todo();
  }

  /** Returns the existing keys with these ids that the viewer may see. */
  findKeys(_viewer: Viewer, _ledgerId: Uuid, _ids: readonly Uuid[]): Promise<Map<Uuid, ApiKey>> {
    return this.#todo();
  }

  async #todo(): Promise<never> {
    throw new TypeError(`no access to ${typeof this.#options}`);
  }
}
