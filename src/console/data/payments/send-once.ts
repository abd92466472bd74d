import {
  type DoneOf,
  IntentConflict,
  isRefusal,
  KeyStoreError,
  RequestRejected,
  TokenError,
  Unreachable,
} from '../../../client/index.ts';
import {
  changed,
  type Draft,
  DraftNotStored,
  type DraftStorage,
  newDraft,
  randomText,
  readDraft,
  rejected,
  removeDraft,
  unsent,
  writeDraft,
} from './drafts.ts';
import { isUndecided, type Refusal } from './refusals.ts';

interface AnyResult {
  readonly __typename: string;
}

/** The state of a form, as far as the page knows it. */
export type SendState<Result> =
  /** Nothing that was sent can still be executed. With a refusal or an error: the reason why the last request was not. */
  | { readonly kind: 'editing'; readonly refusal?: Refusal; readonly error?: unknown }
  | { readonly kind: 'sending' }
  /** It was sent, and its outcome is not known: the values cannot be changed until it is. */
  | { readonly kind: 'undecided'; readonly refusal?: Refusal; readonly error?: unknown }
  | { readonly kind: 'posted'; readonly result: DoneOf<Result> };

/** The names of a request. A repetition has the same ones. */
export interface Attempt {
  readonly intent: string;
  readonly key: string;
  /** Whether an earlier request with the key may have been executed. */
  readonly wasSent: boolean;
  /** Gives the request another key, before it is sent. */
  rekey(key: string): void;
}

/** A form at one moment. */
export interface Situation<Values, Request, Result> {
  readonly draft: Draft<Values, Request>;
  readonly state: SendState<Result>;
}

export interface SendOnceOptions<Values> {
  readonly storage: DraftStorage;
  /** The form, its ledger and its user. */
  readonly name: string;
  readonly initial: Values;
  /** Typed values and results survive a reload too. Otherwise only requests without an outcome do. */
  readonly isLasting: boolean;
}

/** Errors that mean that this call sent nothing, or that the service executed nothing of it. After all others, it may have. */
const NOT_EXECUTED = [
  DraftNotStored,
  IntentConflict,
  KeyStoreError,
  RequestRejected,
  TokenError,
  Unreachable,
] as const;

/**
 * A form whose request is executed once, however often it is sent.
 *
 * | state | event | next state | stored |
 * | --- | --- | --- | --- |
 * | editing | other values | editing | the values, if the form is lasting |
 * | editing, undecided | send | sending | the request and its key, before it is sent |
 * | sending | a result | posted | the result, if the form is lasting; otherwise nothing |
 * | sending | a refusal or an error that decides the attempt | editing | the values, if the form is lasting; otherwise nothing |
 * | sending | a refusal or an error that does not | undecided | as before |
 * | all but sending | a new start | editing | the values, if the form is lasting; otherwise nothing |
 * | sending, undecided | a reload | undecided | as before |
 *
 * An undecided attempt is repeated as it was sent, with its key. A refusal that says nothing of earlier requests, such as FORBIDDEN, decides
 * only the first request of an attempt. The same is true of an error that means that nothing was sent.
 *
 * The intent stays the same after a refusal, for which the client forgets its key: a duplicate of the tab that repeats the request then
 * gets the result of this one.
 */
export class SendOnce<Values extends object, Request, Result extends AnyResult> {
  readonly #options: SendOnceOptions<Values>;
  readonly #listeners = new Set<() => void>();
  #situation: Situation<Values, Request, Result>;

  constructor(options: SendOnceOptions<Values>) {
    this.#options = options;
    const draft = this.#begin();
    const { sent, posted } = draft;
    const state: SendState<Result> =
      posted !== undefined
        ? { kind: 'posted', result: posted as DoneOf<Result> }
        : { kind: sent === undefined ? 'editing' : 'undecided' };
    this.#situation = { draft, state };
  }

  /** Returns another object after each change. */
  getSituation = (): Situation<Values, Request, Result> => this.#situation;

  /** Calls a function after each change. Returns a function that ends this. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The form is shown. Returns the function to call when it is left. A reload does not leave it. */
  enter(): () => void {
    // A duplicate of the tab has the intent of this form, also where nothing was typed.
    this.#keep(this.#situation.draft);
    return () => {
      // The result was seen: the form begins anew when it is opened again.
      const { draft, state } = this.#situation;
      if (state.kind === 'posted') this.#settle(draft);
    };
  }

  /** Changes values, which is possible only while nothing that was sent can be executed. */
  change = (values: Partial<Values>): void => {
    const { draft, state } = this.#situation;
    if (state.kind !== 'editing') return;
    const next = changed(draft, values);
    // A refusal of the old values says nothing of the new ones.
    this.#show({ kind: 'editing' }, next);
    this.#keep(next);
  };

  /**
   * Sends a request. An undecided attempt is repeated instead. Does nothing while a request is under way and after a result. Returns the
   * result if the ledger did it; otherwise undefined, and the state has the reason.
   */
  async send(
    call: (request: Request, attempt: Attempt) => Promise<Result>,
    given?: Request,
  ): Promise<DoneOf<Result> | undefined> {
    const { draft, state } = this.#situation;
    const request = draft.sent ?? given;
    if (request === undefined || state.kind === 'sending' || state.kind === 'posted') return undefined;
    const wasSent = draft.sent !== undefined;
    const { intent, key = randomText(), tries = 0 } = draft;
    let sent = { ...draft, sent: request, key, tries: tries + 1 };
    const rekey = (next: string) => {
      sent = { ...sent, key: next };
      writeDraft(this.#options.storage, this.#options.name, sent);
      this.#show({ kind: 'sending' }, sent);
    };
    const settle = (next: SendState<Result>, settled: Draft<Values, Request>) => {
      this.#settle(sent, settled);
      this.#show(next, settled);
    };
    try {
      rekey(key);
      const result = await call(request, { intent, key, wasSent, rekey });
      if (!isRefusal(result)) {
        const done = result as DoneOf<Result>;
        settle({ kind: 'posted', result: done }, { ...unsent(sent), posted: done });
        return done;
      }
      const refusal = result as unknown as Refusal;
      if (isUndecided(refusal, wasSent)) this.#show({ kind: 'undecided', refusal });
      else settle({ kind: 'editing', refusal }, isUndecided(refusal) ? rejected(sent) : unsent(sent));
    } catch (error) {
      const isDecided = !wasSent && NOT_EXECUTED.some((kind) => error instanceof kind);
      if (!isDecided) this.#show({ kind: 'undecided', error });
      // A conflict is with a request of another tab: its values have its result, and other values are sent only after a new start.
      else
        settle({ kind: 'editing', error }, error instanceof IntentConflict ? unsent(sent) : rejected(sent));
    }
    return undefined;
  }

  /** Starts another attempt, with the values that the form began with or with given ones. The last one keeps its outcome. */
  startNew = (values: Partial<Values> = {}): void => {
    if (this.#situation.state.kind === 'sending') return;
    const { storage, name, initial } = this.#options;
    const next = { ...newDraft<Values, Request>(initial), values: { ...initial, ...values } };
    removeDraft(storage, name);
    this.#show({ kind: 'editing' }, next);
    this.#keep(next);
  };

  /** A link that fills the form replaces typed values. It never replaces a request without an outcome. */
  #begin(): Draft<Values, Request> {
    const { storage, name, initial } = this.#options;
    const kept = readDraft<Values, Request>(storage, name);
    if (kept === undefined) return newDraft(initial);
    const isSame = JSON.stringify(kept.initial) === JSON.stringify(initial);
    return kept.sent !== undefined || isSame ? kept : newDraft(initial);
  }

  #show(state: SendState<Result>, draft = this.#situation.draft): void {
    this.#situation = { draft, state };
    for (const listener of this.#listeners) listener();
  }

  /** Keeps a draft without a request. Without storage, it does not survive a reload; `send` reports that. */
  #keep(draft: Draft<Values, Request>): void {
    const { storage, name, isLasting } = this.#options;
    if (!isLasting) return;
    try {
      writeDraft(storage, name, draft);
    } catch {
      // See above.
    }
  }

  /**
   * Keeps a draft whose request has an outcome, or removes it. Changes nothing if the form has another draft since, or was sent again: a
   * form that was left while it waited must not remove a later request. A draft that cannot be settled stays sent: its repetition has
   * the same result.
   */
  #settle({ intent, tries }: Draft<Values, Request>, next?: Draft<Values, Request>): void {
    const { storage, name, isLasting } = this.#options;
    const kept = readDraft<Values, Request>(storage, name);
    if (kept?.intent !== intent || kept.tries !== tries) return;
    if (next === undefined || !isLasting) removeDraft(storage, name);
    else this.#keep(next);
  }
}
