import type { Side } from '../../core/account.ts';
import type { RecordedCode } from '../../core/errors.ts';
import type { Instant } from '../../core/values/instant.ts';
import type { Metadata } from '../../core/values/text.ts';
import type { Movement, PlannedOperation } from './operation.ts';

/** The names and texts of an operation. `name` is its externalId, and its idempotency key unless there is a `key`. */
export interface Label {
  readonly name: string;
  readonly key?: string;
  readonly description: string;
  readonly metadata?: Metadata;
}

/** A hold, or a transaction that can be reversed. */
interface Payment {
  readonly from: string;
  readonly to: string;
  left: bigint;
}

/**
 * Collects the operations of the plan in the order in which they are posted. It follows the balances, so that a plan never contains
 * an overdraft by mistake.
 */
export class PlanBook {
  readonly #debitNormal: ReadonlySet<string>;
  /** The money of each account that no hold reserves, on its normal side. */
  readonly #free = new Map<string, bigint>();
  readonly #holds = new Map<string, Payment>();
  readonly #payments = new Map<string, Payment>();
  #operations: PlannedOperation[] = [];
  #now: Instant | null = null;

  constructor(accounts: Iterable<string>, debitNormal: ReadonlySet<string>) {
    this.#debitNormal = debitNormal;
    for (const account of accounts) this.open(account);
  }

  open(account: string): void {
    this.#free.set(account, 0n);
  }

  /** Sets the effective time of the next operations; null: the time of their posting. */
  setTime(now: Instant | null): void {
    this.#now = now;
  }

  /** Returns the operations since the last call. */
  take(): PlannedOperation[] {
    const operations = this.#operations;
    this.#operations = [];
    return operations;
  }

  /** Returns the money of an account that no hold reserves. */
  freeOf(account: string): bigint {
    const free = this.#free.get(account);
    if (free === undefined) throw new TypeError(`the plan has no account ${account}`);
    return free;
  }

  /** Returns the amount of a hold that is not captured, or of a payment that is not reversed. */
  leftOf(name: string): bigint {
    return (this.#holds.get(name) ?? this.#payments.get(name))?.left ?? 0n;
  }

  post(movement: Movement, label: Label): void {
    this.#apply(movement, label.name);
    this.#add(movement, label, 'POSTED');
  }

  /** Adds an operation that the ledger declines. */
  decline(movement: Movement, label: Label, code: RecordedCode): void {
    this.#add(movement, label, code);
  }

  #add(movement: Movement, label: Label, expected: PlannedOperation['expected']): void {
    const { name, key = name, description, metadata = null } = label;
    const isVoid = movement.type === 'VOID';
    this.#operations.push({
      movement,
      key,
      externalId: isVoid ? null : name,
      description,
      metadata,
      effectiveAt: isVoid ? null : this.#now,
      expected,
    });
  }

  #apply(movement: Movement, name: string): void {
    switch (movement.type) {
      case 'DEPOSIT':
        this.#move(movement.account, 'CREDIT', movement.amount);
        break;
      case 'WITHDRAWAL':
        this.#move(movement.account, 'DEBIT', movement.amount);
        break;
      case 'TRANSFER': {
        const { from, to, amount } = movement;
        this.#transfer(from, to, amount);
        this.#payments.set(name, { from, to, left: amount });
        break;
      }
      case 'HOLD': {
        const { from, to, amount } = movement;
        this.#move(from, 'DEBIT', amount);
        this.#holds.set(name, { from, to, left: amount });
        break;
      }
      case 'JOURNAL':
        for (const { account, side, amount } of movement.legs) this.#move(account, side, amount);
        break;
      case 'CAPTURE': {
        const { from, to, amount } = spend(this.#holds, movement.hold, movement.amount);
        this.#move(to, 'CREDIT', amount);
        this.#payments.set(name, { from, to, left: amount });
        if (movement.final) this.#release(movement.hold);
        break;
      }
      case 'VOID':
        this.#release(movement.hold);
        break;
      case 'REVERSAL': {
        const { from, to, amount } = spend(this.#payments, movement.original, movement.amount);
        this.#transfer(to, from, amount);
      }
    }
  }

  #transfer(from: string, to: string, amount: bigint): void {
    this.#move(from, 'DEBIT', amount);
    this.#move(to, 'CREDIT', amount);
  }

  #release(name: string): void {
    const { from, amount } = spend(this.#holds, name, null);
    this.#move(from, 'CREDIT', amount);
  }

  #move(account: string, side: Side, amount: bigint): void {
    const isDebitNormal = this.#debitNormal.has(account);
    const free = this.freeOf(account) + ((side === 'DEBIT') === isDebitNormal ? amount : -amount);
    if (free < 0n) throw new TypeError(`the plan overdraws ${account} by ${-free}`);
    this.#free.set(account, free);
  }
}

/** Takes a part of a hold or payment; null: everything that is left. Returns its accounts and the amount taken. */
function spend(payments: ReadonlyMap<string, Payment>, name: string, part: bigint | null) {
  const payment = payments.get(name);
  if (payment === undefined) throw new TypeError(`the plan has no ${name}`);
  const { from, to, left } = payment;
  const amount = part ?? left;
  if (amount > left) throw new TypeError(`the plan takes ${amount} of ${name}, which has ${left}`);
  payment.left -= amount;
  return { from, to, amount };
}
