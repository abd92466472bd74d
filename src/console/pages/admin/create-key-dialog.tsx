import { type FormEvent, useState } from 'react';
import type { CreateApiKeyInput, Scope } from '../../../client/index.ts';
import { Button } from '../../kit/button.tsx';
import { Dialog } from '../../kit/dialog.tsx';
import { Checkbox, TextField } from '../../kit/fields/fields.tsx';
import { Notice } from '../../kit/notice.tsx';
import { Outcome } from '../../parts/payments/outcome.tsx';
import { isOpenMode, useSession, useStay } from '../../session/session-context.ts';
import { type NewKeyForm, type NewKeyMistakes, readNewKey } from './new-key.ts';
import { NewSecretDialog } from './new-secret-dialog.tsx';
import { useUnkeyedChange } from './use-unkeyed-change.ts';

const SCOPES: readonly { readonly scope: Scope; readonly permits: string }[] = [
  { scope: 'READ', permits: 'Reads accounts, transactions and holds.' },
  { scope: 'POST', permits: 'Moves money.' },
  { scope: 'MANAGE', permits: 'Creates and changes accounts, registers currencies, closes periods.' },
  { scope: 'ADMIN', permits: 'Creates and revokes API keys, creates ledgers, reads the audit log.' },
];

/** Asks what a new API key is for, and shows its secret once. */
export function CreateKeyDialog({ onClose }: { readonly onClose: () => void }) {
  const session = useSession();
  const { client, viewer } = session;
  const isFirst = isOpenMode(session);
  // The first key ends open mode, and with it this session, before its secret is read.
  useStay();
  const [form, setForm] = useState<NewKeyForm>({
    name: '',
    // The bearer of the first key reads the books and creates the others.
    scopes: isFirst ? SCOPES.map(({ scope }) => scope) : ['READ'],
    owner: '',
    allLedgers: isFirst,
    expiresAt: '',
    requestsPerSecond: '',
  });
  const [mistakes, setMistakes] = useState<NewKeyMistakes>({});
  const { result, state, isBusy, start } = useUnkeyedChange((input: CreateApiKeyInput) =>
    client.createApiKey(input),
  );
  if (result?.__typename === 'ApiKeyCreated') {
    return (
      <NewSecretDialog name={result.apiKey.name} secret={result.secret} isFirst={isFirst} onClose={onClose} />
    );
  }

  const change = (values: Partial<NewKeyForm>) => {
    setForm((old) => ({ ...old, ...values }));
    setMistakes({});
  };
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    const read = readNewKey(form, new Date());
    if ('mistakes' in read) setMistakes(read.mistakes);
    else start(read);
  };
  const choose = (scope: Scope, isSelected: boolean) =>
    change({
      scopes: SCOPES.map((each) => each.scope).filter((each) =>
        each === scope ? isSelected : form.scopes.includes(each),
      ),
    });
  const lacks = (['READ', 'ADMIN'] as const).filter((scope) => !form.scopes.includes(scope));
  return (
    <Dialog title="Create API key" onClose={onClose}>
      <form className="stack" onSubmit={submit} noValidate>
        {isFirst ? (
          <Notice tone="warning" title="The first key ends open mode, for good.">
            From then on every request needs a key, also those of programs that use the service at present.
            Revoking the key does not bring open mode back.
          </Notice>
        ) : null}
        <TextField
          label="Name"
          value={form.name}
          error={mistakes.name}
          description="For people, such as the backend or the person that uses the key."
          onChange={(name) => change({ name })}
        />
        <fieldset className="admin-scopes" aria-describedby={mistakes.scopes && 'admin-scopes-error'}>
          <legend>Scopes</legend>
          {SCOPES.filter(({ scope }) => viewer.scopes.includes(scope)).map(({ scope, permits }) => (
            <Checkbox
              key={scope}
              label={scope}
              description={permits}
              isSelected={form.scopes.includes(scope)}
              onChange={(isSelected) => choose(scope, isSelected)}
            />
          ))}
          {mistakes.scopes === undefined ? null : (
            <p className="field-error" id="admin-scopes-error">
              {mistakes.scopes}
            </p>
          )}
        </fieldset>
        {isFirst && lacks.length > 0 ? (
          <Notice tone="warning" title={`The first key should have ${lacks.join(' and ')}.`}>
            {lacks.includes('ADMIN')
              ? 'Without ADMIN, further keys can be created on the machine of the service alone.'
              : 'Without READ, the console shows nothing to its bearer.'}
          </Notice>
        ) : null}
        {viewer.actor?.kind === 'TOKEN' ? null : (
          <Checkbox
            label="All ledgers"
            description="Otherwise the key is for this ledger alone. Only a key for all ledgers can create such a key."
            isSelected={form.allLedgers}
            onChange={(allLedgers) => change({ allLedgers })}
          />
        )}
        <TextField
          label="Owner"
          isOptional
          value={form.owner}
          error={mistakes.owner}
          description="Restricts the key to the accounts of this owner."
          onChange={(owner) => change({ owner })}
        />
        <div className="fields">
          <TextField
            label="Expires"
            isOptional
            type="datetime-local"
            value={form.expiresAt}
            error={mistakes.expiresAt}
            onChange={(expiresAt) => change({ expiresAt })}
          />
          <TextField
            label="Requests per second"
            isOptional
            inputMode="numeric"
            value={form.requestsPerSecond}
            error={mistakes.requestsPerSecond}
            onChange={(requestsPerSecond) => change({ requestsPerSecond })}
          />
        </div>
        <Outcome
          state={state}
          what="key"
          onRetry={() => submit()}
          // A key has no idempotency key: its secret is shown once.
          ifUnknown={`Close this form and look for ${form.name} in the list. If it is there, revoke it: its secret is lost. Then create another one.`}
        />
        <div className="row">
          <Button type="submit" kind="primary" isBusy={isBusy}>
            Create
          </Button>
          <Button onPress={onClose}>Cancel</Button>
        </div>
      </form>
    </Dialog>
  );
}
