import type { Operation } from '../../../client/index.ts';

/**
 * The values of a form that moves money or changes something. It survives a reload, with the intent under which it is sent: the client
 * keeps the idempotency key of an intent, so that the same draft is executed once even if the page is reloaded or its tab is duplicated.
 */
export interface Draft<Values, Request = Operation> {
  readonly values: Values;
  /** The values that the form began with. */
  readonly initial: Values;
  readonly intent: string;
  /** The request that was sent under the intent and has no final result. A repetition sends this one. */
  readonly sent?: Request;
  /** How often it was sent. */
  readonly tries?: number;
  /** The idempotency key of the request. A repetition has it also where the browser has lost what the client stored. */
  readonly key?: string;
  /** The result of the request. The form shows it until another payment is begun, also if it was left meanwhile. */
  readonly posted?: unknown;
  /** A request under the intent was rejected without being executed, so that other values need another intent. */
  readonly isRejected?: boolean;
}

/** Where drafts are kept: the storage of the tab. */
export type DraftStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** The storage of the tab. A browser may deny it, so that each of its functions may throw. */
export const tabStorage: DraftStorage = {
  getItem: (name) => sessionStorage.getItem(name),
  setItem: (name, text) => sessionStorage.setItem(name, text),
  removeItem: (name) => sessionStorage.removeItem(name),
};

const PREFIX = 'ledger-console:draft:';

/** The browser does not store the draft. Nothing was sent. */
export class DraftNotStored extends Error {
  override readonly name = 'DraftNotStored';

  constructor(cause: unknown) {
    super(`The browser does not store the draft: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

export function newDraft<Values, Request = Operation>(initial: Values): Draft<Values, Request> {
  return { values: initial, initial, intent: `console-${randomText()}` };
}

/**
 * Returns the draft with other values. After a rejection they get another intent and another key, because the intent has a key for the
 * old ones.
 */
export function changed<Values, Request>(
  draft: Draft<Values, Request>,
  values: Partial<Values>,
): Draft<Values, Request> {
  const { isRejected = false, ...rest } = draft;
  if (!isRejected) return { ...rest, values: { ...draft.values, ...values } };
  const { key, ...next } = rest;
  return { ...next, values: { ...draft.values, ...values }, intent: newDraft(draft.initial).intent };
}

/** Returns the draft after a result or a final refusal: another attempt needs another key. */
export function unsent<Values, Request>({
  sent,
  tries,
  key,
  isRejected,
  ...draft
}: Draft<Values, Request>): Draft<Values, Request> {
  return draft;
}

/** Returns the draft after a request that was not executed. The client keeps the intent and its key, so that the draft keeps them too. */
export function rejected<Values, Request>({
  sent,
  tries,
  ...draft
}: Draft<Values, Request>): Draft<Values, Request> {
  return { ...draft, isRejected: true };
}

/** Returns the draft that is kept under a name; undefined if there is none. */
export function readDraft<Values, Request>(
  storage: DraftStorage,
  name: string,
): Draft<Values, Request> | undefined {
  try {
    const text = storage.getItem(PREFIX + name);
    if (text === null) return undefined;
    const draft = JSON.parse(text) as Partial<Draft<Values, Request>> | null;
    return typeof draft?.intent === 'string' && isObject(draft.values) && isObject(draft.initial)
      ? (draft as Draft<Values, Request>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps the draft. Throws DraftNotStored if the browser denies it: a sent draft must not be lost. */
export function writeDraft<Values, Request>(
  storage: DraftStorage,
  name: string,
  draft: Draft<Values, Request>,
): void {
  try {
    storage.setItem(PREFIX + name, JSON.stringify(draft));
  } catch (error) {
    throw new DraftNotStored(error);
  }
}

/** Removes the draft of a form. */
export function removeDraft(storage: DraftStorage, name: string): void {
  try {
    storage.removeItem(PREFIX + name);
  } catch {
    // A browser without storage has kept none.
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Returns an idempotency key, or an intent: 128 random bits as text. Browsers offer crypto.randomUUID on secure pages only. */
export function randomText(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
