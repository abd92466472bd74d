/**
 * What a ledger answers, said as plainly as it can be: the books are a Map of balances, the past is a Map of answers. It
 * knows nothing of the program that it is compared with.
 */
export interface Request {
  readonly kind: 'DEPOSIT' | 'WITHDRAWAL' | 'TRANSFER';
  readonly from: string;
  readonly to: string;
  /** Minor units. */
  readonly amount: bigint;
  readonly key: string;
  readonly externalId: string | null;
}

export const OUTSIDE = 'outside';

export class ReferenceModel {
  readonly balances = new Map<string, bigint>();
  readonly #currencies: ReadonlyMap<string, string>;
  readonly #answers = new Map<string, { readonly request: Request; readonly answer: string }>();
  readonly #taken = new Set<string>();

  constructor(currencies: ReadonlyMap<string, string>) {
    this.#currencies = currencies;
  }

  answer(request: Request): string {
    const { kind, from, to, amount, key, externalId } = request;
    const place = `${kind === 'DEPOSIT' ? to : from} ${key}`;
    const before = this.#answers.get(place);
    if (before !== undefined && before.request.kind !== kind) return 'IDEMPOTENCY_CONFLICT: type';
    if (before !== undefined) {
      const differing = (['from', 'to', 'amount', 'externalId'] as const).filter(
        (field) => before.request[field] !== request[field],
      );
      return differing.length > 0 ? `IDEMPOTENCY_CONFLICT: ${differing.join(' ')}` : `${before.answer} again`;
    }
    if (from === to) return 'SAME_ACCOUNT';
    if (kind === 'TRANSFER' && this.#currencies.get(from) !== this.#currencies.get(to))
      return 'CURRENCY_MISMATCH';
    if (externalId !== null && this.#taken.has(externalId)) return 'EXTERNAL_ID_TAKEN';
    const enough = from === OUTSIDE || (this.balances.get(from) ?? 0n) >= amount;
    if (enough && from !== OUTSIDE) this.balances.set(from, (this.balances.get(from) ?? 0n) - amount);
    if (enough && to !== OUTSIDE) this.balances.set(to, (this.balances.get(to) ?? 0n) + amount);
    if (enough && externalId !== null) this.#taken.add(externalId);
    const answer = enough ? 'POSTED' : 'INSUFFICIENT_FUNDS';
    this.#answers.set(place, { request, answer });
    return answer;
  }
}
