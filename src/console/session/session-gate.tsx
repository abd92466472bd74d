import { QueryClientProvider, useQuery } from '@tanstack/react-query';
import { type ReactNode, useMemo } from 'react';
import { READ } from '../data/pages.ts';
import { Button } from '../kit/button.tsx';
import { Failed, LoadingPage } from '../kit/states.tsx';
import { exponentsOf } from './open-session.ts';
import { isAllowed } from './rights.ts';
import { SessionContext, type SessionControl } from './session-context.ts';
import { SignIn } from './sign-in.tsx';
import { type OpenedSession, type SessionActions, useOpenSession } from './use-open-session.ts';

/** Shows its children to signed-in people, and to everyone while the service has no credentials. Asks others to sign in. */
export function SessionGate({ children }: { readonly children: ReactNode }) {
  const { state, ...actions } = useOpenSession();
  if (state.kind === 'signed in') {
    // Another session begins with new pages: nothing that one caller read or typed is shown to another.
    return (
      <WithSession key={state.opened.number} opened={state.opened} actions={actions}>
        {children}
      </WithSession>
    );
  }
  if (state.kind === 'signed out') {
    return <SignIn problem={state.problem} isBusy={state.isSigningIn} onSignIn={actions.signIn} />;
  }
  if (state.kind === 'failed') {
    const { error, wanted } = state;
    return (
      <main className="alone">
        <h1 className="sr-only">Ledger</h1>
        <Failed error={error} onRetry={actions.retry} />
        {wanted.ledger === undefined ? null : (
          <Button
            onPress={() => actions.enterLedger(undefined)}
          >{`Leave the ledger ${wanted.ledger}`}</Button>
        )}
        {wanted.credential === null ? null : (
          <Button onPress={actions.signOut}>Sign in with another key or token</Button>
        )}
      </main>
    );
  }
  return <LoadingPage />;
}

interface WithSessionProps {
  readonly opened: OpenedSession;
  readonly actions: SessionActions;
  readonly children: ReactNode;
}

function WithSession({ opened, actions, children }: WithSessionProps) {
  return (
    <QueryClientProvider client={opened.queryClient}>
      <OnLedger opened={opened} actions={actions}>
        {children}
      </OnLedger>
    </QueryClientProvider>
  );
}

/** How often the ledger's currencies and closed period are read again. Each change made in the console reads them at once. */
const LEDGER_REFRESH_MS = 30_000;

function OnLedger({ opened, actions, children }: WithSessionProps) {
  const { session } = opened;
  const { client, viewer } = session;
  const { enterLedger, signIn, signOut, stay } = actions;
  // The first account in a currency adds it to the ledger.
  const { data: ledger } = useQuery({
    queryKey: ['ledger'],
    queryFn: ({ signal }) => client.ledger({ ...READ, signal }),
    initialData: session.ledger,
    enabled: isAllowed(viewer, 'ledger'),
    refetchInterval: LEDGER_REFRESH_MS,
  });
  const control = useMemo(
    (): SessionControl => ({
      ...session,
      ledger,
      exponents: exponentsOf(ledger),
      enterLedger,
      signIn,
      signOut,
      stay,
      isAllowed: (action) => isAllowed(viewer, action),
    }),
    [session, viewer, ledger, enterLedger, signIn, signOut, stay],
  );
  return <SessionContext.Provider value={control}>{children}</SessionContext.Provider>;
}
