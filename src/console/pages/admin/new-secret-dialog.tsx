import { useState } from 'react';
import { Button } from '../../kit/button.tsx';
import { Dialog } from '../../kit/dialog.tsx';
import { Notice } from '../../kit/notice.tsx';
import { Copy } from '../../kit/values/copy.tsx';
import { readCredential } from '../../session/credential.ts';
import { useSession } from '../../session/session-context.ts';

interface NewSecretDialogProps {
  readonly name: string;
  readonly secret: string;
  /** The key ended open mode, so that the page needs a credential. */
  readonly isFirst: boolean;
  readonly onClose: () => void;
}

/** Shows the secret of a new API key, once. It closes on a second attempt, or when the reader says that the secret is stored. */
export function NewSecretDialog({ name, secret, isFirst, onClose }: NewSecretDialogProps) {
  const { signIn } = useSession();
  const [isLeaving, setLeaving] = useState(false);
  const signInWithIt = () => {
    const read = readCredential(secret);
    if (!('problem' in read)) signIn(read, false);
  };
  return (
    <Dialog title={`The key ${name} is created`} onClose={isLeaving ? onClose : () => setLeaving(true)}>
      <Notice tone="warning" title="Copy the key. It is shown this once.">
        The service keeps its digest alone. Store the key where you keep passwords.
      </Notice>
      <code className="admin-secret">{secret}</code>
      <div className="row">
        <Copy text={secret} what="the key">
          Copy the key
        </Copy>
      </div>
      {isLeaving ? (
        <Notice tone="bad" title="The key is lost when you close this.">
          Copy it first, or close again if you do not need it.
        </Notice>
      ) : null}
      {isFirst ? (
        <Notice tone="info" title="Open mode has ended. The console needs a key, too.">
          Copy the key first: you need it after the next reload.
        </Notice>
      ) : null}
      <div className="row">
        {isFirst ? (
          <Button kind="primary" onPress={signInWithIt}>
            Sign in with this key
          </Button>
        ) : null}
        <Button kind={isFirst ? 'plain' : 'primary'} onPress={onClose}>
          I have stored it
        </Button>
      </div>
    </Dialog>
  );
}
