import { hash, timingSafeEqual } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { type ApiKey, stateOfKey } from '../../core/access/api-key.ts';
import type { Credential } from '../../core/access/credential.ts';
import { parseKeyText, secretDigest } from '../../core/access/key-text.ts';
import { formatId, type Uuid } from '../../core/values/ids.ts';
import { findSecretKey, recordKeyUse } from '../../db/access/api-keys.ts';
import type { Database } from '../../db/postgres/database.ts';
import { retryRead } from '../reads.ts';
import { failureOf, type OnFault, RETRIES } from '../retries.ts';

/** The credential of a key that can be used. */
export interface KeyCredential extends Credential {
  readonly key: ApiKey;
}

/** Why a key cannot be used. UNKNOWN: there is no such id, or the secret is wrong. */
export type InvalidKey = 'MALFORMED' | 'UNKNOWN' | 'EXPIRED' | 'REVOKED';

/** The rows of keys and the unknown ids are cached separately, so that guessed ids do not displace keys. */
const MAX_CACHED = 10_000;
/** A row that was read longer ago is read again before its key is accepted. A revocation by another process takes effect by then. */
const MAX_AGE_MS = 4000;
/** A row that was read longer ago is read again while its key is accepted, so that requests seldom wait for a read. */
const REFRESH_AGE_MS = 3000;
const UNKNOWN_FOR_MS = 1000;
const RECORD_USE_AFTER_MS = 60_000;

/** The cached row of a key. Times are those of the monotonic clock. */
interface Known extends KeyCredential {
  readonly secret: Buffer;
  readonly readAt: number;
  /** When this process last recorded a use. */
  recordedAt: number;
}

/**
 * Checks the texts of API keys. The digest of a key's secret never changes, so only the bearer of the secret causes further reads
 * of a cached key.
 */
export class KnownKeys {
  readonly #db: Database;
  readonly #onFault: OnFault;
  readonly #known = new LRUCache<Uuid, Known>({ max: MAX_CACHED });
  readonly #unknown = new LRUCache<Uuid, true>({ max: MAX_CACHED, ttl: UNKNOWN_FOR_MS });
  /** The ids of keys by the SHA-256 of their texts, so that each text is parsed and compared once. */
  readonly #compared = new LRUCache<string, Uuid>({ max: MAX_CACHED });
  /** The reads in flight, which concurrent requests share. */
  readonly #reads = new Map<Uuid, Promise<Known | undefined>>();
  /** The last use could not be recorded, and that was reported. */
  #isFailing = false;

  constructor(db: Database, onFault: OnFault) {
    this.#db = db;
    this.#onFault = onFault;
  }

  /** See `Access.authenticate`. */
  async authenticate(text: string): Promise<KeyCredential | InvalidKey> {
    const digest = hash('sha256', text, 'base64url');
    const id = this.#compared.get(digest);
    return id === undefined ? this.#compare(text, digest) : this.#check(id, this.#known.get(id));
  }

  async #compare(text: string, digest: string): Promise<KeyCredential | InvalidKey> {
    const parsed = parseKeyText(text);
    if (parsed === undefined) return 'MALFORMED';
    const { id } = parsed;
    const known = this.#known.get(id) ?? (await this.#find(id));
    if (known === undefined || !timingSafeEqual(known.secret, secretDigest(parsed.secret))) return 'UNKNOWN';
    this.#compared.set(digest, id);
    return this.#check(id, known);
  }

  /** Returns a key that its bearer proved to know, as it is now. `cached`: the key if it is cached. */
  async #check(id: Uuid, cached: Known | undefined): Promise<KeyCredential | InvalidKey> {
    let known = cached ?? (await this.#find(id));
    // Revocation and expiry are final: such a key is never read again.
    if (known !== undefined && stateOf(known) === 'VALID') {
      const age = performance.now() - known.readAt;
      if (age >= MAX_AGE_MS) known = await this.#read(id);
      // If this read fails, the next request after MAX_AGE_MS reads again.
      else if (age >= REFRESH_AGE_MS) this.#read(id).catch(() => {});
    }
    if (known === undefined) return 'UNKNOWN';
    const state = stateOf(known);
    if (state !== 'VALID') return state;
    this.#recordUse(known);
    return known;
  }

  /** Drops what is known of a key, also by reads in flight, so that the next request reads it. */
  forget(id: Uuid): void {
    this.#reads.delete(id);
    this.#known.delete(id);
    this.#unknown.delete(id);
  }

  async #find(id: Uuid): Promise<Known | undefined> {
    return this.#unknown.has(id) ? undefined : this.#read(id);
  }

  #read(id: Uuid): Promise<Known | undefined> {
    const current = this.#reads.get(id);
    if (current !== undefined) return current;
    const reading = this.#readRow(id)
      .then((known) => {
        if (this.#reads.get(id) === reading) this.#keep(id, known);
        return known;
      })
      .finally(() => {
        if (this.#reads.get(id) === reading) this.#reads.delete(id);
      });
    this.#reads.set(id, reading);
    return reading;
  }

  async #readRow(id: Uuid): Promise<Known | undefined> {
    let readAt = 0;
    const row = await retryRead(() => {
      // Later than this, the key may have been revoked.
      readAt = performance.now();
      return findSecretKey(this.#db, id);
    });
    if (row === undefined) return undefined;
    const { key, secret } = row;
    const { actor, scopes, ledger, owner } = key;
    const viewer = { actor, scopes: new Set(scopes), allLedgers: ledger === null, owner };
    const recordedAt = this.#known.peek(id)?.recordedAt ?? -Infinity;
    return {
      key,
      viewer,
      ledgerName: ledger?.name ?? null,
      logId: formatId('apiKey', id),
      requestsPerSecond: key.requestsPerSecond,
      secret,
      readAt,
      recordedAt,
    };
  }

  #keep(id: Uuid, known: Known | undefined): void {
    if (known !== undefined) {
      this.#known.set(id, known);
      return;
    }
    this.#known.delete(id);
    this.#unknown.set(id, true);
  }

  /** Records the use without delaying the request. A failure is reported once, until a use is recorded again. */
  #recordUse(known: Known): void {
    const now = performance.now();
    if (now - known.recordedAt < RECORD_USE_AFTER_MS) return;
    known.recordedAt = now;
    recordKeyUse(this.#db, known.key.id).then(
      () => {
        this.#isFailing = false;
      },
      (error: unknown) => {
        // Outages are reported where connections are made.
        if (this.#isFailing || !RETRIES[failureOf(error)].isReported) return;
        this.#isFailing = true;
        this.#onFault(error);
      },
    );
  }
}

function stateOf({ key }: Known): ReturnType<typeof stateOfKey> {
  return stateOfKey(key, BigInt(Date.now()) * 1000n);
}
