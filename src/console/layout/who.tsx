import { useLocation } from 'wouter';
import { pathTo } from '../data/place.ts';
import { Button } from '../kit/button.tsx';
import { isOpenMode, useSession } from '../session/session-context.ts';

/** Who is signed in. */
export function Who() {
  const session = useSession();
  const [, go] = useLocation();
  if (isOpenMode(session)) return <span className="who quiet">Open mode</span>;
  const { viewer, signOut } = session;
  const { actor, owner, scopes } = viewer;
  return (
    <div className="who">
      <span className="who-name" title={`Scopes: ${scopes.join(', ')}`}>
        <span className="sr-only">Signed in as </span>
        {actor?.name ?? 'unknown'}
        {owner === null ? null : <span className="quiet"> for {owner}</span>}
      </span>
      <Button
        size="small"
        kind="quiet"
        onPress={() => {
          // The next one to sign in may not know the thing that is shown.
          go(pathTo.overview);
          signOut();
        }}
      >
        Sign out
      </Button>
    </div>
  );
}
