import { ownPart } from '../../core/access/own-part.ts';
import { restrictCommand } from '../../core/access/restricted-commands.ts';
import { accountOf, showRefusal } from '../../core/access/restricted-outcomes.ts';
import type { Viewer } from '../../core/access/viewer.ts';
import { type Command, type Name, type PlannedCommand, plan } from '../../core/decide/command.ts';
import { nameAccount } from '../../core/decide/request.ts';
import type { Refusal } from '../../core/errors.ts';
import type { BatchProcessed, Posted } from '../../core/transaction.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { type Names, namesOf, salt } from '../names.ts';
import type { Preview } from '../preview.ts';
import { retry } from '../retries.ts';
import type { OwnAccounts } from './own-accounts.ts';

/** Plans the commands of a caller restricted to an owner, and shows it their outcomes. */
export class RestrictedCaller {
  readonly #viewer: Viewer;
  readonly #names: Names;
  readonly #own: OwnAccounts;

  constructor(viewer: Viewer, owner: string, names: Names) {
    this.#viewer = viewer;
    this.#names = names;
    this.#own = names.ownedBy(owner);
  }

  /**
   * Returns the command with its names resolved, or its refusal. Of the key account and the accounts of conditions, only own ones are
   * found. For all others, the command is refused as if they did not exist: here, or by `decide` at its step.
   */
  async plan(command: Command): Promise<PlannedCommand | Refusal> {
    const restricted = restrictCommand(this.#viewer, command, BigInt(Date.now()) * 1000n);
    if ('code' in restricted) return restricted;
    const { keyAccount, conditions } = restricted;
    const ownOnly = new Set([keyAccount, ...conditions.map(({ account }) => account)]);
    return retry(async () => {
      const ids = new Map<Name, Uuid | undefined>();
      const find = async (name: Name) =>
        void ids.set(name, await (ownOnly.has(name) ? this.#own.find(name) : this.#names.accountId(name)));
      await Promise.all([...new Set(namesOf(restricted))].map(find));
      const lookUp = {
        account: (name: Name) => ids.get(name),
        external: () => undefined,
        target: () => undefined,
        salt,
      };
      return plan(restricted, lookUp, this.#viewer.actor?.id ?? null);
    });
  }

  /** Returns the id of an own account. */
  accountId(given: string): Promise<Uuid | undefined> {
    return this.#own.find(nameAccount(given));
  }

  /**
   * Returns an answer as the caller sees it: refusals about foreign accounts are COUNTERPARTY, a transaction is as `ownPart` shows
   * it, and a preview has only the entries of own accounts.
   */
  show<Answer extends Shown>(answer: Answer): Promise<Answer | Refusal> {
    return retry(async () => {
      const own = await this.#own.among(accountsIn(answer));
      return shown(this.#viewer, answer, (account) => own.has(account)) as Answer | Refusal;
    });
  }
}

type Shown = Posted | Refusal | BatchProcessed | Preview;

/** Returns the accounts of which an answer shows something. */
function accountsIn(answer: Shown): Uuid[] {
  switch (answer.code) {
    case 'POSTED':
      return answer.transaction.entries.map(({ accountId }) => accountId);
    case 'PREVIEWED':
      return answer.entries.map(({ accountId }) => accountId);
    case 'PROCESSED':
      return answer.outcomes.flatMap(accountsIn);
    default: {
      const account = accountOf(answer);
      return account === undefined ? [] : [account];
    }
  }
}

function shown(viewer: Viewer, answer: Shown, isOwn: (account: Uuid) => boolean): Shown {
  switch (answer.code) {
    case 'POSTED':
      return shownPosted(viewer, answer, isOwn);
    case 'PREVIEWED':
      return { ...answer, entries: answer.entries.filter(({ accountId }) => isOwn(accountId)) };
    case 'PROCESSED':
      return {
        ...answer,
        outcomes: answer.outcomes.map((outcome) =>
          outcome.code === 'POSTED' ? shownPosted(viewer, outcome, isOwn) : showRefusal(outcome, isOwn),
        ),
      };
    default:
      return showRefusal(answer, isOwn);
  }
}

function shownPosted(viewer: Viewer, posted: Posted, isOwn: (account: Uuid) => boolean): Posted {
  return { ...posted, transaction: ownPart(viewer, posted.transaction, isOwn) };
}
