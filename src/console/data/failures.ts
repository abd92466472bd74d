import {
  IntentConflict,
  KeyStoreError,
  NoAnswer,
  OutcomeUnknown,
  PermissionDenied,
  RequestRejected,
  TokenError,
  UnauthenticatedError,
  Unreachable,
} from '../../client/index.ts';
import { DraftNotStored } from './payments/drafts.ts';
import { REPEATABLE } from './payments/refusals.ts';

/** The words of a page for a request without a result. */
export interface Explanation {
  readonly title: string;
  readonly advice: string;
  /** The text of the error, for a report. */
  readonly details: string;
  readonly kind: 'offline' | 'forbidden' | 'unknown outcome' | 'rejected' | 'fault';
}

export function isUnauthenticated(error: unknown): boolean {
  // A token that is typed cannot be renewed, so that the client has no other one for the second attempt.
  return error instanceof UnauthenticatedError || error instanceof TokenError;
}

/** Returns why the service rejected a request, in its own words; for another error, its message. */
export function reasonOf(error: unknown): string {
  const reason = error instanceof RequestRejected ? error.errors[0]?.message : undefined;
  return reason ?? (error instanceof Error ? error.message : String(error));
}

/** Explains an error that a call of the client threw. */
export function explainFailure(thrown: unknown): Explanation {
  const details = thrown instanceof Error ? thrown.message : String(thrown);
  // The deadline of a read passed. Its last attempt has the reason.
  const error = thrown instanceof Unreachable && thrown.cause instanceof NoAnswer ? thrown.cause : thrown;
  if (isUnauthenticated(error)) {
    return {
      kind: 'rejected',
      title: 'The service does not accept this key or token.',
      advice: 'Sign in with another one.',
      details,
    };
  }
  if (error instanceof PermissionDenied) {
    return {
      kind: 'forbidden',
      title: 'Your key or token does not permit this.',
      advice: 'Ask an administrator for a key with the scope that the message names.',
      details,
    };
  }
  if (error instanceof OutcomeUnknown) {
    return {
      kind: 'unknown outcome',
      title: 'The service did not answer. The outcome is not known yet.',
      advice: REPEATABLE,
      details,
    };
  }
  if (error instanceof NoAnswer && error.unread !== undefined) {
    return {
      kind: 'offline',
      title:
        error.unread === 'RATE_LIMITED'
          ? 'Too many requests were sent from here, or with this key or token.'
          : 'The service is too busy.',
      advice: `Wait ${waitOf(error.retryAfterMs)}, then try again.`,
      details,
    };
  }
  if (error instanceof NoAnswer && error.isFault) {
    return {
      kind: 'fault',
      title: 'The service could not read this.',
      advice: 'Try again. If it stays, the log of the service has the reason.',
      details,
    };
  }
  if (error instanceof Unreachable || error instanceof NoAnswer) {
    return {
      kind: 'offline',
      title: 'The service cannot be reached.',
      advice: 'Check that it runs and that you are connected, then try again.',
      details,
    };
  }
  if (error instanceof IntentConflict) {
    return {
      kind: 'rejected',
      title: 'This form was already sent with other values, perhaps in another tab.',
      advice:
        'Nothing was sent now. Look for that transaction first. If this is another payment, start a new one.',
      details,
    };
  }
  if (error instanceof DraftNotStored || error instanceof KeyStoreError) {
    return {
      kind: 'fault',
      title: 'This browser did not store the key of the request. Nothing was sent.',
      advice:
        'The key makes sure that it is executed once. Allow the page to store data, close its other tabs, then try again.',
      details,
    };
  }
  if (error instanceof RequestRejected) {
    return {
      kind: 'rejected',
      title: 'The service rejected the request.',
      advice: 'Correct what the message names.',
      details,
    };
  }
  return {
    kind: 'fault',
    title: 'Something went wrong in this page.',
    advice: 'Try again, or reload the page. Nothing is paid twice.',
    details,
  };
}

function waitOf(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds === 0) return 'a moment';
  return seconds === 1 ? 'a second' : `${seconds} seconds`;
}
