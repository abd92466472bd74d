import { isRefusal } from '../../../client/index.ts';
import type { ApiKey } from '../../data/admin.ts';
import { Button } from '../../kit/button.tsx';
import { Dialog } from '../../kit/dialog.tsx';
import { Notice } from '../../kit/notice.tsx';
import { Facts } from '../../kit/values/facts.tsx';
import { Time } from '../../kit/values/time.tsx';
import { Outcome } from '../../parts/payments/outcome.tsx';
import { useSession } from '../../session/session-context.ts';
import { useUnkeyedChange } from './use-unkeyed-change.ts';

interface RevokeKeyDialogProps {
  readonly apiKey: ApiKey;
  /** The viewer is signed in with it. */
  readonly isOwn: boolean;
  readonly onClose: () => void;
}

/** Revokes a key after a confirmation. Revoking it again changes nothing, so that a lost answer can be repeated. */
export function RevokeKeyDialog({ apiKey, isOwn, onClose }: RevokeKeyDialogProps) {
  const { client } = useSession();
  const { state, isBusy, start } = useUnkeyedChange(
    () => client.revokeApiKey(apiKey.id),
    (revoked) => {
      if (!isRefusal(revoked)) onClose();
    },
  );
  const revoke = () => start(undefined);
  const { name, prefix, scopes, lastUsedAt } = apiKey;
  return (
    <Dialog title={`Revoke the key ${name}?`} onClose={onClose}>
      {isOwn ? (
        <Notice tone="bad" title="You are signed in with this key.">
          Your session ends at once. You need another key to sign in again.
        </Notice>
      ) : null}
      <p>Programs that use the key are rejected from then on. A revoked key cannot be restored.</p>
      <Facts
        facts={[
          ['Begins with', <code key="prefix">{prefix}</code>],
          ['Scopes', scopes.join(', ')],
          ['Last used', lastUsedAt == null ? 'Never' : <Time key="used" at={lastUsedAt} />],
        ]}
      />
      <Outcome state={state} what="revocation" onRetry={revoke} />
      <div className="row">
        <Button kind="danger" isBusy={isBusy} onPress={revoke}>
          {`Revoke ${name}`}
        </Button>
        <Button onPress={onClose}>Cancel</Button>
      </div>
    </Dialog>
  );
}
