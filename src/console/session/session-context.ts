import { createContext, useContext, useEffect } from 'react';
import type { LedgerClient } from '../../client/index.ts';
import type { Credential } from './credential.ts';
import type { Session } from './open-session.ts';
import type { Action } from './rights.ts';

export interface SessionControl extends Session {
  /** Shows another ledger, with the same credential. */
  enterLedger(name: string): void;
  /** Opens a session with another credential, such as the first API key, which ends open mode. */
  signIn(credential: Credential, isKept: boolean): void;
  signOut(): void;
  /**
   * Keeps the session's page although the service rejects its credential, until the returned function is called: what the page shows
   * cannot be shown again.
   */
  stay(): () => void;
  isAllowed(action: Action): boolean;
}

export const SessionContext = createContext<SessionControl | null>(null);

/** Returns the session of the page. The pages are only shown within one. */
export function useSession(): SessionControl {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('useSession is called outside of a session');
  return session;
}

/** Keeps the page while it is shown, also if the session ends: for a secret that is shown once. */
export function useStay(): void {
  const { stay } = useSession();
  useEffect(() => stay(), [stay]);
}

export function useClient(): LedgerClient {
  return useSession().client;
}

/** Returns whether the service has no credentials yet, so that everyone may do everything. */
export function isOpenMode({ credential, viewer }: Session): boolean {
  return credential === null && viewer.actor === null;
}
