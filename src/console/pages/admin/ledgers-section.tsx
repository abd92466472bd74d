import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import { ledgersQuery } from '../../data/admin.ts';
import { pathTo } from '../../data/place.ts';
import { Badge } from '../../kit/badge.tsx';
import { Button } from '../../kit/button.tsx';
import { Dialog } from '../../kit/dialog.tsx';
import { TextField } from '../../kit/fields/fields.tsx';
import { PagedTable } from '../../kit/lists/paged-table.tsx';
import { usePlace } from '../../kit/lists/use-place.ts';
import { Notice } from '../../kit/notice.tsx';
import { Section } from '../../kit/page.tsx';
import { Empty } from '../../kit/states.tsx';
import { Id } from '../../kit/values/copy.tsx';
import { Time } from '../../kit/values/time.tsx';
import { Outcome } from '../../parts/payments/outcome.tsx';
import { useSession } from '../../session/session-context.ts';
import { useUnkeyedChange } from './use-unkeyed-change.ts';

/** The ledgers that the viewer may enter, with a form for another one. */
export function LedgersSection() {
  const { client, ledger, viewer } = useSession();
  const place = usePlace();
  const query = useQuery(ledgersQuery(client, place.place));
  const enter = useEnter();
  const [isCreating, setCreating] = useState(false);
  // A token is for one ledger.
  const mayCreate = viewer.actor?.kind !== 'TOKEN';
  return (
    <Section
      title="Ledgers"
      actions={
        mayCreate ? (
          <Button kind="primary" onPress={() => setCreating(true)}>
            Create ledger
          </Button>
        ) : undefined
      }
    >
      <PagedTable
        caption="Ledgers"
        query={query}
        columns={[
          { name: 'Name', cell: ({ name }) => <strong>{name}</strong> },
          { name: 'Id', isExtra: true, cell: ({ id }) => <Id id={id} /> },
          { name: 'Created', cell: ({ createdAt }) => <Time at={createdAt} /> },
          {
            name: 'Actions',
            isUnnamed: true,
            isNumber: true,
            cell: ({ name }) =>
              name === ledger.name ? (
                <Badge tone="info">Shown</Badge>
              ) : (
                <Button size="small" label={`Enter ${name}`} onPress={() => enter(name)}>
                  Enter
                </Button>
              ),
          },
        ]}
        keyOf={({ id }) => id}
        place={place}
        empty={<Empty title="There are no ledgers that you may enter." />}
      />
      {isCreating ? <CreateLedgerDialog onClose={() => setCreating(false)} /> : null}
    </Section>
  );
}

function useEnter() {
  const { enterLedger } = useSession();
  const [, go] = useLocation();
  return (name: string) => {
    go(pathTo.overview);
    enterLedger(name);
  };
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

function CreateLedgerDialog({ onClose }: { readonly onClose: () => void }) {
  const { client } = useSession();
  const enter = useEnter();
  const [name, setName] = useState('');
  const [mistake, setMistake] = useState<string>();
  // Creating a ledger that exists changes nothing, so that a lost answer can be repeated.
  const { result, state, isBusy, start } = useUnkeyedChange((wanted: string) =>
    client.createLedger({ name: wanted }),
  );
  if (result?.__typename === 'LedgerCreated') {
    const created = result.ledger.name;
    return (
      <Dialog
        title={result.replayed ? `The ledger ${created} exists` : `The ledger ${created} is created`}
        onClose={onClose}
      >
        <Notice
          tone={result.replayed ? 'info' : 'good'}
          title={
            result.replayed
              ? 'It existed before. Nothing was changed.'
              : 'It is empty, and apart from all others.'
          }
        />
        <div className="row">
          <Button kind="primary" onPress={() => enter(created)}>{`Enter ${created}`}</Button>
          <Button onPress={onClose}>Close</Button>
        </div>
      </Dialog>
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (NAME.test(name.trim())) start(name.trim());
    else {
      setMistake(
        'A name has 1 to 63 characters of a to z, 0 to 9, "-", "_" and ".", and begins with a letter or a digit.',
      );
    }
  };
  return (
    <Dialog
      title="Create ledger"
      description="A ledger has its own accounts, currencies and journal. Only a key for all ledgers can create one."
      onClose={onClose}
    >
      <form className="stack" onSubmit={submit} noValidate>
        <TextField
          label="Name"
          value={name}
          error={mistake}
          description="Such as eu or shop-2. The name cannot be changed, and a ledger cannot be removed."
          onChange={(value) => {
            setName(value);
            setMistake(undefined);
          }}
        />
        <Outcome state={state} what="ledger" onRetry={() => start(name.trim())} />
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
