/** Extends the reference model of single requests by ATOMIC batches. */
import { KEPT, type Posting, type ReferenceModel, say, targetOf } from './reference-model.ts';

export interface AtomicAnswer {
  /** The answers to the operations, in order, or to the one at fault. */
  readonly texts: readonly string[];
  /** The index of the operation at fault; undefined if all are posted. */
  readonly index: number | undefined;
}
export interface AtomicDecided extends AtomicAnswer {
  /** The model after the batch. */
  readonly model: ReferenceModel;
  /** The number of its outcomes in the journal. */
  readonly recorded: number;
  /** The account that the key of the operation at fault belongs to; undefined if unknown. */
  readonly keyAccount?: string | undefined;
}

/** Decides a batch. The given model is not changed. */
export function decideAtomic(model: ReferenceModel, requests: readonly Posting[], at: bigint): AtomicDecided {
  const keyAccounts: string[] = [];
  const abort = (index: number, cause: string): AtomicDecided => ({
    texts: [cause],
    index,
    model,
    recorded: 0,
    keyAccount: keyAccounts[index],
  });
  // A target exists, or an earlier operation creates it.
  const bearers = new Map<string, { readonly kind: Posting['kind']; readonly keyAccount: string }>();
  for (const [index, request] of requests.entries()) {
    const bearer = bearers.get((targetOf(request) ?? '').slice('ext:'.length));
    const isPending = bearer !== undefined && (!('holdId' in request) || bearer.kind === 'HOLD');
    const keyAccount = model.keyAccountOf(request) ?? (isPending ? bearer.keyAccount : undefined);
    if (keyAccount === undefined) return abort(index, model.refusalOf(request, at) ?? '');
    keyAccounts.push(keyAccount);
    const externalId = 'externalId' in request ? request.externalId : null;
    if (externalId !== null && !bearers.has(externalId))
      bearers.set(externalId, { kind: request.kind, keyAccount });
  }
  // The first key that was declined, or used for another request, aborts the batch.
  for (const [index, request] of requests.entries()) {
    const again = model.again(request, keyAccounts[index] ?? '');
    if (again !== undefined && !again.startsWith('POSTED')) return abort(index, again);
  }
  const next = model.fork();
  const made = new Set<string>();
  const texts: string[] = [];
  for (const [index, request] of requests.entries()) {
    const text = next.answer(request, at);
    if (text.startsWith('POSTED')) {
      texts.push(text);
      if (!isAgain(text)) made.add(factsOf(text)['name'] as string);
      continue;
    }
    const cause = asItStands(text, made);
    if (!KEPT.test(cause) || isAgain(cause)) return abort(index, cause);
    const left = model.fork();
    left.keep(request, keyAccounts[index] ?? '', cause);
    return { texts: [cause], index, model: left, recorded: 1, keyAccount: keyAccounts[index] };
  }
  return { texts, index: undefined, model: next, recorded: made.size };
}

export const isAgain = (text: string) => text.endsWith(' again');

/** The text of an id that was discarded with the batch. */
export const GONE = '?';

/** Removes the ids that were discarded with the batch from a refusal. */
function asItStands(text: string, made: ReadonlySet<string>): string {
  const code = text.slice(0, text.indexOf(' '));
  const facts = factsOf(text);
  const isGone = (name: unknown) => typeof name === 'string' && made.has(name);
  switch (code) {
    case 'EXTERNAL_ID_TAKEN':
      return isGone((facts['takenBy'] as { id: string }).id) ? say(code, { takenBy: null }) : text;
    case 'IDEMPOTENCY_CONFLICT':
      return isGone(facts['transaction']) ? say(code, { ...facts, transaction: null }) : text;
    case 'HOLD_EXPIRED':
    case 'HOLD_NOT_OPEN':
    case 'HOLD_AMOUNT_EXCEEDED':
      return isGone(facts['hold']) ? say('HOLD_NOT_FOUND', { holdId: GONE }) : text;
    case 'ALREADY_REVERSED':
    case 'NOT_REVERSIBLE':
      return isGone(facts['transaction']) ? say('TRANSACTION_NOT_FOUND', { transactionId: GONE }) : text;
    default:
      return text;
  }
}

function factsOf(text: string): Record<string, unknown> {
  return JSON.parse(text.slice(text.indexOf(' ') + 1).replace(/ again$/, ''));
}
