import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import {
  type Command,
  type LookUp,
  type Name,
  type PlannedCommand,
  plan,
  type Target,
  type TargetName,
} from '../core/decide/command.ts';
import type { Refusal } from '../core/errors.ts';
import type { Uuid } from '../core/values/ids.ts';
import { findAccountIds, findExternalAccounts } from '../db/accounts.ts';
import { findTargets } from '../db/holds.ts';
import { findTransactionIds } from '../db/journal/transactions.ts';
import type { Database } from '../db/postgres/database.ts';
import { OwnAccounts } from './access/own-accounts.ts';
import { Lookup } from './lookup.ts';
import { retry } from './retries.ts';

const MAX_CACHED = 100_000;

/** Names that were resolved, of all ledgers together. A name is found only under its ledger. */
export class NameCache {
  readonly accounts = new LRUCache<string, Uuid>({ max: MAX_CACHED });
  /** By owner and name. */
  readonly ownAccounts = new LRUCache<string, Uuid>({ max: MAX_CACHED });
  readonly externals = new LRUCache<string, Uuid>({ max: MAX_CACHED });
  readonly externalByCurrency = new LRUCache<string, Uuid>({ max: MAX_CACHED });
  readonly transactions = new LRUCache<string, Uuid>({ max: MAX_CACHED });
  readonly holdTargets = new LRUCache<string, Target>({ max: MAX_CACHED });
  readonly transactionTargets = new LRUCache<string, Target>({ max: MAX_CACHED });
}

/** The ledger whose names are resolved. */
export interface NamesContext {
  readonly db: Database;
  readonly ledgerId: Uuid;
  readonly cache: NameCache;
  /** Returns the currency of an account if it is known. */
  readonly currencyOf: (account: Uuid) => string | undefined;
}

/**
 * Resolves the names in a command of a ledger before any lock: accounts and transactions by `ext:` names, the external account of a deposit
 * or a withdrawal, and the accounts of a hold or an original transaction. None of these change once they exist, so they are
 * cached. A missing one is looked up each time.
 */
export class Names {
  readonly #context: NamesContext;
  readonly #accounts: Lookup<string, Uuid>;
  readonly #currencyOf: (account: Uuid) => string | undefined;
  readonly #externals: Lookup<Uuid, Uuid>;
  readonly #externalByCurrency: LRUCache<string, Uuid>;
  readonly #ledgerId: Uuid;
  readonly #transactions: Lookup<string, Uuid>;
  readonly #targets: Readonly<Record<TargetName['kind'], Lookup<Uuid, Target>>>;

  constructor(context: NamesContext) {
    const { db, ledgerId, cache, currencyOf } = context;
    this.#context = context;
    this.#ledgerId = ledgerId;
    this.#currencyOf = currencyOf;
    this.#externalByCurrency = cache.externalByCurrency;
    this.#accounts = new Lookup(ledgerId, cache.accounts, (names) => findAccountIds(db, ledgerId, names));
    this.#externals = new Lookup(ledgerId, cache.externals, async (ids) => {
      const found = await findExternalAccounts(db, ledgerId, ids);
      for (const { id, currency } of found.values()) this.#externalByCurrency.set(ledgerId + currency, id);
      return new Map([...found].map(([account, { id }]) => [account, id]));
    });
    this.#transactions = new Lookup(ledgerId, cache.transactions, (names) =>
      findTransactionIds(db, ledgerId, names),
    );
    this.#targets = {
      hold: new Lookup(ledgerId, cache.holdTargets, (ids) => findTargets(db, ledgerId, 'hold', ids)),
      transaction: new Lookup(ledgerId, cache.transactionTargets, (ids) =>
        findTargets(db, ledgerId, 'transaction', ids),
      ),
    };
  }

  /** Returns the accounts of an owner. */
  ownedBy(owner: string): OwnAccounts {
    const { db, ledgerId, cache } = this.#context;
    return new OwnAccounts({ db, ledgerId, cache: cache.ownAccounts, owner });
  }

  /** Returns undefined for an unknown `ext:` name. There may be no account with the id that is returned. */
  async accountId(name: Name): Promise<Uuid | undefined> {
    return name.by === 'externalId' ? this.#accounts.find(name.externalId) : idOf(name, this.#accounts);
  }

  /** Returns the id of a transaction, which is also that of the hold that it placed; otherwise like `accountId`. */
  async transactionId(name: Name): Promise<Uuid | undefined> {
    return name.by === 'externalId'
      ? this.#transactions.find(name.externalId)
      : idOf(name, this.#transactions);
  }

  /**
   * Returns the command with its names resolved, or a refusal if the account, hold or transaction that its key belongs to does
   * not exist. `actor`: the caller. `pending` finds targets that are not in the database yet. Returns no promise if all names are cached.
   */
  plan(
    command: Command,
    actor: Uuid | null,
    pending: LookUp['target'] = () => undefined,
  ): PlannedCommand | Refusal | Promise<PlannedCommand | Refusal> {
    const known = this.#findKnown(command);
    return known === undefined
      ? retry(() => this.#planUnknown(command, pending, actor))
      : plan(command, { ...known, salt }, actor);
  }

  /** Resolves the names from the cache. Returns undefined if one of them is not cached. */
  #findKnown(command: Command): Omit<LookUp, 'salt'> | undefined {
    if (namesOf(command).some((name) => this.#accounts.lacks(name))) return undefined;
    const account = (name: Name) => idOf(name, this.#accounts);

    let target: Target | undefined;
    if (command.target !== null) {
      const { kind, name } = command.target;
      if (this.#transactions.lacks(name)) return undefined;
      const id = idOf(name, this.#transactions);
      target = id === undefined ? undefined : this.#targets[kind].known(id);
      if (id !== undefined && target === undefined) return undefined;
    }

    let external: Uuid | undefined;
    if (command.keyAccount !== null && movesExternal(command)) {
      const id = account(command.keyAccount);
      external = id === undefined ? undefined : this.#knownExternal(id);
      if (id !== undefined && external === undefined) return undefined;
    }
    return { account, external: () => external, target: () => target };
  }

  #knownExternal(keyAccountId: Uuid): Uuid | undefined {
    const currency = this.#currencyOf(keyAccountId);
    const external =
      currency === undefined ? undefined : this.#externalByCurrency.get(this.#ledgerId + currency);
    return external ?? this.#externals.known(keyAccountId);
  }

  async #planUnknown(
    command: Command,
    pending: LookUp['target'],
    actor: Uuid | null,
  ): Promise<PlannedCommand | Refusal> {
    const ids = new Map<Name, Uuid | undefined>();
    const [target] = await Promise.all([
      command.target === null ? undefined : this.#findTarget(command.target),
      ...namesOf(command).map(async (name) => void ids.set(name, await this.accountId(name))),
    ]);
    const keyAccountId = command.keyAccount === null ? undefined : ids.get(command.keyAccount);
    const external =
      keyAccountId !== undefined && movesExternal(command)
        ? await this.#externals.find(keyAccountId)
        : undefined;
    const lookUp: LookUp = {
      account: (name) => ids.get(name),
      external: () => external,
      target: (name) => target ?? pending(name),
      salt,
    };
    return plan(command, lookUp, actor);
  }

  async #findTarget({ kind, name }: TargetName): Promise<Target | undefined> {
    const id = await this.transactionId(name);
    return id === undefined ? undefined : this.#targets[kind].find(id);
  }
}

/** Returns the names of all accounts in a command. */
export function namesOf({ keyAccount, legs, conditions }: Command): Name[] {
  return [
    ...(keyAccount === null ? [] : [keyAccount]),
    ...legs.flatMap(({ account }) => (account === 'EXTERNAL' ? [] : account)),
    ...conditions.map(({ account }) => account),
  ];
}

function movesExternal({ legs }: Command): boolean {
  return legs.some(({ account }) => account === 'EXTERNAL');
}

function idOf(name: Name, lookup: Lookup<string, Uuid>): Uuid | undefined {
  switch (name.by) {
    case 'id':
      return name.id;
    case 'externalId':
      return lookup.known(name.externalId);
    case 'nothing':
      return undefined;
  }
}

/** Returns a salt for a command's texts. */
export function salt(): Uint8Array {
  return randomBytes(16);
}
