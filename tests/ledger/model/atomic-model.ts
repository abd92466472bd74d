/** What an ATOMIC batch is answered, beside the reference model of single requests. */
import { KEPT, type Posting, type ReferenceModel, say, targetOf } from './reference-model.ts';

export interface AtomicAnswer {
  /** Of the operations, in order, or of the one at fault. */
  readonly texts: readonly string[];
  /** Of the operation at fault; undefined: all of them are posted. */
  readonly index: number | undefined;
}
export interface AtomicDecided extends AtomicAnswer {
  /** What the batch leaves. */
  readonly model: ReferenceModel;
  /** How many outcomes the journal has of it. */
  readonly recorded: number;
  /** Of the operation at fault, whose key belongs to it; undefined where that is not known. */
  readonly keyAccount?: string | undefined;
}

/** Decides a batch; the model that is given stays as it is. */
export function decideAtomic(model: ReferenceModel, requests: readonly Posting[], at: bigint): AtomicDecided {
  const keyAccounts: string[] = [];
  const abort = (index: number, cause: string): AtomicDecided => ({
    texts: [cause],
    index,
    model,
    recorded: 0,
    keyAccount: keyAccounts[index],
  });
  // Targets: what an operation names stands in the books, or is to be made by an earlier one.
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
  // Keys: the first that was declined, or was used for another request.
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

/** The text of an id that the caller cannot know: what it stood for went with the batch. */
export const GONE = '?';

/** A refusal without what goes with the batch. */
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
