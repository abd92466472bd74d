import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { Button } from '../kit/button.tsx';
import { Checkbox, Field } from '../kit/fields/fields.tsx';
import { Notice } from '../kit/notice.tsx';
import { type Credential, readCredential } from './credential.ts';
import type { SignInProblem } from './use-open-session.ts';

interface SignInProps {
  /** Why the last credential was not accepted. */
  readonly problem: SignInProblem | undefined;
  readonly isBusy: boolean;
  readonly onSignIn: (credential: Credential, isKept: boolean) => void;
}

/** Asks for an API key or a token. */
export function SignIn({ problem, isBusy, onSignIn }: SignInProps) {
  const [isKept, setKept] = useState(false);
  const [mistake, setMistake] = useState<string>();
  const field = useRef<HTMLInputElement>(null);
  const heading = useId();
  useEffect(() => {
    document.title = 'Sign in · Ledger';
  }, []);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isBusy) return;
    const read = readCredential(field.current?.value ?? '');
    if ('problem' in read) {
      setMistake(read.problem);
      field.current?.focus();
    } else onSignIn(read, isKept);
  };
  return (
    <main className="alone">
      <form className="card sign-in" aria-labelledby={heading} onSubmit={submit}>
        <h1 id={heading}>Sign in to the ledger</h1>
        {problem === undefined || isBusy ? null : (
          <Notice tone="bad" title={problem.title}>
            {problem.advice}
          </Notice>
        )}
        <Field
          label="API key or token"
          error={mistake}
          description="It is sent to this service only, and a reload forgets it unless you keep it."
        >
          {({ id, describedBy, isInvalid }) => (
            <input
              // React writes the value of a controlled field into the document, where extensions and copies of the page have it. The
              // field has no name, so that no form can send it.
              ref={field}
              id={id}
              type="password"
              className="input"
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              // The page has nothing else to begin with.
              // biome-ignore lint/a11y/noAutofocus: see above
              autoFocus
              aria-describedby={describedBy}
              aria-invalid={isInvalid || undefined}
              onChange={() => setMistake(undefined)}
            />
          )}
        </Field>
        <Checkbox label="Keep it until this tab is closed" isSelected={isKept} onChange={setKept} />
        <Button type="submit" kind="primary" isBusy={isBusy}>
          {isBusy ? 'Signing in …' : 'Sign in'}
        </Button>
        <details>
          <summary>Where do I get a key?</summary>
          <p className="quiet">
            An administrator creates one in the console, or on the machine of the service:{' '}
            <code>npm run ledger -- keys create --name me --scopes READ,POST,MANAGE,ADMIN --all-ledgers</code>
          </p>
        </details>
      </form>
    </main>
  );
}
