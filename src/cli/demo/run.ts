import { setTimeout as sleep } from 'node:timers/promises';
import { toAccountRequest } from '../../core/create-account.ts';
import { toExpiry } from '../../core/decide/request.ts';
import type { Refusal } from '../../core/errors.ts';
import { messageOf } from '../../core/refusal-messages.ts';
import type { Outcome } from '../../core/transaction.ts';
import { type AccountChange, toAccountUpdate, toStatusChange } from '../../core/update-account.ts';
import { formatId, type Uuid } from '../../core/values/ids.ts';
import type { Instant } from '../../core/values/instant.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { CommandError } from '../report.ts';
import { type PlannedOperation, ref, toCommand } from './operation.ts';
import type { Phase, Plan } from './plan.ts';
import type { PlannedChange, Step } from './step.ts';

/** The numbers of what a run recorded. */
export interface Posted {
  accounts: number;
  transactions: number;
  declined: number;
  changes: number;
}

const BATCH = 1000;
/**
 * The additional seconds of holds that are to expire soon. A later attempt gives them more time, because a slow database may place
 * the hold after its expiry, which is refused without a record.
 */
const SLACK_S = [0n, 10n, 60n] as const;

/** Posts a plan into an empty ledger. Throws `CommandError` where an outcome differs from the plan. */
export class DemoRun {
  readonly posted: Posted = { accounts: 0, transactions: 0, declined: 0, changes: 0 };
  readonly #ledger: Ledger;
  readonly #requestId: string;
  readonly #note: (line: string) => void;
  /** A time of the database's clock, and when it was received. */
  #time = { instant: 0n, receivedMs: 0 };
  /** The ids and the expiry of the holds that expire soon, by name. */
  readonly #expiring = new Map<string, { readonly id: Uuid; readonly expiresAt: Instant | null }>();

  constructor(ledger: Ledger, requestId: string, note: (line: string) => void) {
    this.#ledger = ledger;
    this.#requestId = requestId;
    this.#note = note;
  }

  /**
   * Creates the accounts. This claims the ledger: one database transaction creates all of them, and their externalIds are unique. Of
   * two runs at the same time, the second one creates none and ends here.
   */
  async createAccounts(accounts: Plan['accounts']): Promise<void> {
    const created = await this.#ledger.createAccounts(accounts.map((account) => toAccountRequest(account)));
    if (created.code !== 'ACCOUNTS_CREATED') throw incomplete('the accounts', created);
    const { results } = created;
    if (results.every(({ code }) => code === 'EXTERNAL_ID_TAKEN')) throw overtaken(this.#ledger.name);
    for (const [place, result] of results.entries()) {
      if (result.code !== 'CREATED') throw incomplete(`the account ${accounts[place]?.externalId}`, result);
      this.posted.accounts += 1;
    }
    this.#note(`Created ${accounts.length} accounts.`);
  }

  async post({ title, steps }: Phase): Promise<void> {
    const { transactions, declined } = this.posted;
    for (const step of steps) await this.#take(step);
    const posted = this.posted.transactions - transactions;
    this.#note(`Posted ${posted} transactions, ${this.posted.declined - declined} declined: ${title}.`);
  }

  async #take(step: Step): Promise<void> {
    switch (step.kind) {
      case 'POST':
        await this.#post(step.operations);
        break;
      case 'PLACE':
        for (const operation of step.operations) await this.#place(operation);
        break;
      case 'CHANGE':
        for (const change of step.changes) await this.#change(ref(change.account), toChange(change));
        break;
      case 'NAME':
        await this.#createAndName(step);
        break;
      case 'EXPIRE':
        await this.#release(step.holds);
    }
  }

  async #post(operations: readonly PlannedOperation[]): Promise<void> {
    for (let start = 0; start < operations.length; start += BATCH) {
      const batch = operations.slice(start, start + BATCH);
      const commands = batch.map((operation) => toCommand(operation, this.#now()));
      const answer = await this.#ledger.postBatch('INDEPENDENT', commands);
      if (answer.code !== 'PROCESSED') throw incomplete('a batch', answer);
      for (const [place, operation] of batch.entries()) this.#check(operation, answer.outcomes[place]);
    }
  }

  async #place(operation: PlannedOperation): Promise<void> {
    let outcome: Outcome | undefined;
    for (const slackS of SLACK_S) {
      const command = toCommand(operation, this.#now() + slackS * 1_000_000n);
      outcome = 'code' in command ? command : await this.#ledger.post(command);
      if (outcome.code !== 'INVALID_INPUT') break;
    }
    const { hold } = this.#check(operation, outcome) ?? {};
    if (hold !== undefined) this.#expiring.set(operation.key, hold);
  }

  /** Counts an outcome, and returns it where it is posted. */
  #check(operation: PlannedOperation, outcome: Outcome | undefined) {
    const { key, expected } = operation;
    if (outcome?.code !== expected) throw incomplete(key, outcome, expected);
    if (outcome.code !== 'POSTED') {
      this.posted.declined += 1;
      return undefined;
    }
    this.posted.transactions += 1;
    this.#time = { instant: outcome.transaction.createdAt, receivedMs: performance.now() };
    return outcome;
  }

  async #change(accountId: string, change: AccountChange | Refusal): Promise<void> {
    const changed =
      'code' in change ? change : await this.#ledger.changeAccount(accountId, change, this.#requestId);
    if ('facts' in changed) throw incomplete(`the change of ${accountId}`, changed);
    this.posted.changes += 1;
  }

  async #createAndName({ account, externalId }: Step & { readonly kind: 'NAME' }): Promise<void> {
    const request = toAccountRequest(account);
    const created = 'code' in request ? request : await this.#ledger.createAccount(request);
    if (created.code !== 'CREATED') throw incomplete(`the account ${externalId}`, created);
    this.posted.accounts += 1;
    const accountId = formatId('account', created.account.id);
    await this.#change(accountId, toAccountUpdate({ accountId, externalId }));
  }

  /** Releases holds after their expiry, unless a service that sweeps this database is faster. */
  async #release(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const { id, expiresAt } = this.#expiring.get(name) ?? {};
      if (id === undefined || expiresAt === undefined || expiresAt === null)
        throw incomplete(name, undefined);
      const leftMs = Number((expiresAt - this.#now()) / 1000n) + 1;
      if (leftMs > 0) await sleep(leftMs);
      const outcome = await this.#ledger.post(toExpiry(id));
      if (outcome.code !== 'POSTED' && outcome.code !== 'HOLD_NOT_OPEN') {
        throw incomplete(`the expiry of ${name}`, outcome);
      }
      this.posted.transactions += 1;
    }
  }

  /** Returns a time that the database's clock has passed, but only just. The clocks of the two machines may differ. */
  #now(): Instant {
    const { instant, receivedMs } = this.#time;
    return instant + BigInt(Math.floor((performance.now() - receivedMs) * 1000));
  }
}

function toChange({ account, change }: PlannedChange): AccountChange | Refusal {
  const accountId = ref(account);
  return typeof change === 'string'
    ? toStatusChange(change, { accountId })
    : toAccountUpdate({ accountId, ...change });
}

/** Returns the error of a run that created nothing, because another one claimed the ledger. */
function overtaken(name: string): CommandError {
  return new CommandError(
    `Another demo fills the ledger ${name} at the same time. This one created nothing. To have two demos, create another ledger ` +
      'and pass its name by --ledger.',
  );
}

/** Returns the error of a run that cannot continue. */
function incomplete(
  subject: string,
  outcome: Outcome | Refusal | undefined,
  expected = 'POSTED',
): CommandError {
  const why =
    outcome === undefined || outcome.code === 'POSTED'
      ? `The outcome is ${outcome?.code}, but the plan expects ${expected}.`
      : `${messageOf(outcome)} (${outcome.code})`;
  // A retryable refusal is about the database or the load.
  const isTransient = outcome !== undefined && 'retryable' in outcome && outcome.retryable;
  const cause = isTransient ? '' : 'Another process may use this ledger. ';
  return new CommandError(
    `The demo ended early, at ${subject}. ${why} ${cause}The ledger keeps the posted part. ` +
      'For a complete demo, create another ledger and pass its name by --ledger.',
  );
}
