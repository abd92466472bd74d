import { randomBytes } from 'node:crypto';
import DataLoader from 'dataloader';
import { LRUCache } from 'lru-cache';
import { type AccountName, type Command, type PlannedCommand, plan } from '../core/command.ts';
import type { Refusal } from '../core/errors.ts';
import type { Uuid } from '../core/ids.ts';
import { findAccountIds, findExternalAccounts } from '../db/accounts.ts';
import type { Database } from '../db/database.ts';
import { untilAnswered } from './failures.ts';

const MAX_REMEMBERED = 100_000;

/**
 * Looks up, before any lock, what a command names: accounts by the callers' own names, and the external account beside a
 * deposit's or a withdrawal's. None of it ever changes once it is there, so that it is remembered; what is not there is
 * looked for each time.
 */
export class Names {
  readonly #accounts: Lookup<string, Uuid>;
  readonly #externals: Lookup<Uuid, Uuid>;

  constructor(db: Database, ledgerId: Uuid) {
    this.#accounts = new Lookup((names) => findAccountIds(db, ledgerId, names));
    this.#externals = new Lookup((ids) => findExternalAccounts(db, ledgerId, ids));
  }

  /** The account's id; undefined where the name stands for nothing. An id may still be that of no account. */
  async accountId(name: AccountName): Promise<Uuid | undefined> {
    return name.by === 'externalId' ? this.#accounts.find(name.externalId) : idOf(name);
  }

  /** The command with its names looked up, or the refusal where its key account's name stands for nothing. */
  plan(command: Command): PlannedCommand | Refusal | Promise<PlannedCommand | Refusal> {
    const names = command.legs.flatMap(({ account }) => (account === 'EXTERNAL' ? [] : account));
    // Most commands name ids alone: they go on in the same turn.
    const plain = names.length === command.legs.length && names.every(({ by }) => by !== 'externalId');
    return plain
      ? plan(command, { id: idOf, external: () => undefined, salt })
      : untilAnswered(() => this.#planNamed(command, names));
  }

  async #planNamed(command: Command, names: readonly AccountName[]): Promise<PlannedCommand | Refusal> {
    const ids = new Map<AccountName, Uuid | undefined>();
    await Promise.all(names.map(async (name) => ids.set(name, await this.accountId(name))));
    const keyAccountId = ids.get(command.keyAccount);
    const external =
      keyAccountId !== undefined && names.length < command.legs.length
        ? await this.#externals.find(keyAccountId)
        : undefined;
    return plan(command, { id: (name) => ids.get(name), external: () => external, salt });
  }
}

function idOf(name: AccountName): Uuid | undefined {
  return name.by === 'id' ? name.id : undefined;
}

function salt(): Uint8Array {
  return randomBytes(16);
}

/** Finds values by key, many in one query, and remembers those that there are. */
class Lookup<Key extends string, Value extends {}> {
  readonly #known = new LRUCache<Key, Value>({ max: MAX_REMEMBERED });
  readonly #loader: DataLoader<Key, Value | undefined>;

  constructor(find: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>) {
    this.#loader = new DataLoader(
      async (keys) => {
        const found = await find(keys);
        for (const [key, value] of found) this.#known.set(key, value);
        return keys.map((key) => found.get(key));
      },
      { cache: false },
    );
  }

  async find(key: Key): Promise<Value | undefined> {
    return this.#known.get(key) ?? this.#loader.load(key);
  }
}
