import type { QueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { explainFailure, isUnauthenticated, reasonOf } from '../data/failures.ts';
import { createQueryClient } from '../data/query-client.ts';
import {
  type Credential,
  storeCredential,
  storedCredential,
  storedLedger,
  storeLedger,
} from './credential.ts';
import { openSession, openSessionNear, type Session } from './open-session.ts';

export interface OpenedSession {
  readonly session: Session;
  /** What this session has read. */
  readonly queryClient: QueryClient;
  /** Another one for each session. */
  readonly number: number;
}

/** Why the page asks for a credential. */
export interface SignInProblem {
  readonly title: string;
  readonly advice: string;
}

export type SessionState =
  | { readonly kind: 'opening' }
  | { readonly kind: 'failed'; readonly error: unknown; readonly wanted: Wanted }
  | {
      readonly kind: 'signed out';
      readonly problem: SignInProblem | undefined;
      /** A credential was entered, and the service has not answered yet. */
      readonly isSigningIn: boolean;
    }
  | { readonly kind: 'signed in'; readonly opened: OpenedSession };

interface Wanted {
  readonly credential: Credential | null;
  readonly ledger: string | undefined;
  /** Another ledger is opened if the credential has no right to this one. */
  readonly isNear: boolean;
  /** Another one for each attempt. */
  readonly number: number;
}

export interface SessionActions {
  /** Shows another ledger, with the same credential; undefined: the one of the credential. */
  enterLedger(name: string | undefined): void;
  signIn(credential: Credential, isKept: boolean): void;
  signOut(): void;
  stay(): () => void;
}

/** Opens a session when the page is loaded, and another one at each of the actions. Each ends the one before. */
export function useOpenSession(): SessionActions & { readonly state: SessionState; retry(): void } {
  const [state, setState] = useState<SessionState>({ kind: 'opening' });
  const [wanted, setWanted] = useState<Wanted>(() => ({
    credential: storedCredential(),
    ledger: storedLedger(),
    isNear: false,
    number: 0,
  }));
  // Ends the calls of a credential. A payment that was sent stays undecided, for the next sign-in with the same one.
  const calls = useRef(new AbortController());
  const ending = useEnding((opened, error) => {
    // The ledger is kept, so that another credential continues on the same page.
    storeCredential(null);
    opened.queryClient.clear();
    setState({
      kind: 'signed out',
      problem: describeEnd(opened.session.credential, error),
      isSigningIn: false,
    });
  });
  const { begin, finish } = ending;

  useEffect(() => {
    let isCurrent = true;
    const { credential, ledger, isNear, number } = wanted;
    let opened: OpenedSession | undefined;
    (isNear ? openSessionNear : openSession)(credential, ledger, calls.current.signal).then(
      (session) => {
        if (!isCurrent) return;
        const queryClient = createQueryClient((error) => end(error));
        opened = { session, queryClient, number };
        const end = begin(opened);
        if (ledger !== undefined) storeLedger(session.ledger.name);
        setState({ kind: 'signed in', opened });
      },
      (error: unknown) => {
        if (!isCurrent) return;
        if (!isUnauthenticated(error)) {
          setState({ kind: 'failed', error, wanted });
          return;
        }
        storeCredential(null);
        const problem = credential === null ? undefined : describeRejection(error);
        setState({ kind: 'signed out', problem, isSigningIn: false });
      },
    );
    return () => {
      isCurrent = false;
      opened?.queryClient.clear();
    };
  }, [wanted, begin]);

  const open = useCallback(
    (next: (old: Wanted) => Omit<Wanted, 'number'>) => {
      finish();
      setWanted((old) => ({ ...next(old), number: old.number + 1 }));
      setState((old) => (old.kind === 'signed out' ? { ...old, isSigningIn: true } : { kind: 'opening' }));
    },
    [finish],
  );
  const enterLedger = useCallback(
    (ledger: string | undefined) => {
      storeLedger(ledger);
      open((old) => ({ ...old, ledger, isNear: false }));
    },
    [open],
  );
  const endCalls = useCallback(() => {
    calls.current.abort();
    calls.current = new AbortController();
  }, []);
  const signIn = useCallback(
    (credential: Credential, isKept: boolean) => {
      endCalls();
      storeCredential(isKept ? credential : null);
      open((old) => ({ credential, ledger: storedLedger() ?? old.ledger, isNear: true }));
    },
    [open, endCalls],
  );
  const signOut = useCallback(() => {
    endCalls();
    storeCredential(null);
    storeLedger(undefined);
    open(() => ({ credential: null, ledger: undefined, isNear: false }));
  }, [open, endCalls]);
  const retry = useCallback(() => open((old) => old), [open]);
  return { state, enterLedger, signIn, signOut, retry, stay: ending.stay };
}

/**
 * Ends a session once the service rejects its credential, but not while a page stays. Calls `onEnd` for the session that runs alone: a
 * late answer to an earlier one does not end it.
 */
function useEnding(onEnd: (opened: OpenedSession, error: unknown) => void) {
  const current = useRef<OpenedSession>(undefined);
  const waiting = useRef<(() => void) | undefined>(undefined);
  const staying = useRef(0);
  const handler = useRef(onEnd);
  useEffect(() => {
    handler.current = onEnd;
  });
  const begin = useCallback((opened: OpenedSession) => {
    current.current = opened;
    waiting.current = undefined;
    return (error: unknown) => {
      if (current.current !== opened) return;
      const end = () => {
        if (current.current !== opened) return;
        current.current = undefined;
        handler.current(opened, error);
      };
      if (staying.current === 0) end();
      else waiting.current = end;
    };
  }, []);
  const finish = useCallback(() => {
    current.current = undefined;
    waiting.current = undefined;
  }, []);
  const stay = useCallback(() => {
    staying.current += 1;
    return () => {
      staying.current -= 1;
      if (staying.current > 0) return;
      waiting.current?.();
      waiting.current = undefined;
    };
  }, []);
  return { begin, finish, stay };
}

function describeRejection(error: unknown): SignInProblem {
  return { title: explainFailure(error).title, advice: reasonOf(error) };
}

function describeEnd(credential: Credential | null, error: unknown): SignInProblem {
  if (credential === null) {
    return {
      title: 'The service now needs a key or a token.',
      advice: 'The first API key was created, which ended open mode. Sign in to continue on this page.',
    };
  }
  return {
    title: `The service has ended this session: it rejects the ${credential.kind}.`,
    advice: `${reasonOf(error)} Sign in again to continue on this page.`,
  };
}
