/** A ledger in memory that executes each key once, and its answers. */

export type Outcome = { readonly id: string; readonly amount: number } | 'declined';

/** Executes each key once. */
export class PlainLedger {
  readonly outcomes = new Map<string, Outcome>();
  funds = 5;

  execute({ key, amount }: { readonly key: string; readonly amount: number }): {
    readonly outcome: Outcome;
    readonly isNew: boolean;
  } {
    const recorded = this.outcomes.get(key);
    if (recorded !== undefined) return { outcome: recorded, isNew: false };
    const outcome = amount > this.funds ? 'declined' : { id: `txn_${this.outcomes.size}`, amount };
    this.outcomes.set(key, outcome);
    if (outcome !== 'declined') this.funds -= amount;
    return { outcome, isNew: outcome !== 'declined' };
  }
}

export const ANSWERS = [
  'executed',
  'executed, and the answer is lost',
  'lost',
  'lost, and executed later',
  'forbidden',
  'fault',
  'executed, and a fault',
  'rejected',
] as const;
export type Answer = (typeof ANSWERS)[number];

export const json = (body: object, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
export const refused = (code: string) =>
  json({
    data: { transfer: { __typename: 'Refused', code, message: code, retryable: false, replayed: false } },
  });
/** The client sends a mutation once that a web page answers. */
export const lost = () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } });
export const answerOf = (outcome: Outcome) =>
  outcome === 'declined'
    ? refused('INSUFFICIENT_FUNDS')
    : json({ data: { transfer: { __typename: 'TransactionPosted', transaction: outcome } } });
