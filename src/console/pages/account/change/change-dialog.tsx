import { useQueryClient } from '@tanstack/react-query';
import type { FormEvent, ReactNode } from 'react';
import type { LedgerClient, UpdateAccountInput, UpdateAccountResult } from '../../../../client/index.ts';
import type { Account } from '../../../data/accounts.ts';
import { Button } from '../../../kit/button.tsx';
import { Dialog } from '../../../kit/dialog.tsx';
import { Outcome } from '../../../parts/payments/outcome.tsx';
import { type Send, useOnce, useUndecided } from '../../../parts/payments/use-once.ts';

/** A change of an account: of its status, or of some of its fields. */
export type Change =
  | { readonly status: 'freezeAccount' | 'unfreezeAccount' | 'closeAccount' }
  | Pick<UpdateAccountInput, 'minBalance' | 'maxBalance' | 'metadata' | 'externalId'>;

/** The dialogs that change an account. */
const CHANGES = ['limits', 'metadata', 'externalId', 'freeze', 'unfreeze', 'close'] as const;
export type AccountChange = (typeof CHANGES)[number];

const draftOf = (change: AccountChange, { id }: Pick<Account, 'id'>) => `${change} ${id}` as const;

/** Returns the change of an account whose outcome was not known when the page was loaded. */
export function useUndecidedChange(account: Pick<Account, 'id'>): AccountChange | undefined {
  const found = useUndecided(CHANGES.map((change) => draftOf(change, account)));
  return CHANGES.find((change) => draftOf(change, account) === found);
}

function sendTo(accountId: string): Send<Change, UpdateAccountResult> {
  return (client: LedgerClient, change, { key: idempotencyKey, deadlineMs }) =>
    'status' in change
      ? client[change.status](accountId, { idempotencyKey, deadlineMs })
      : client.updateAccount({ ...change, accountId, idempotencyKey }, { deadlineMs });
}

interface ChangeDialogProps {
  readonly account: Account;
  readonly change: AccountChange;
  readonly title: string;
  /** The effect of the change, in a plain sentence. */
  readonly description: ReactNode;
  /** The button that makes the change, such as "Freeze account". */
  readonly action: string;
  readonly isDangerous?: boolean;
  /** Something stands in the way of the change. */
  readonly isBlocked?: boolean;
  /** Returns the change; undefined where the fields have a mistake, which they show. */
  readonly prepare: () => Change | undefined;
  readonly onClose: () => void;
  readonly onDone: () => void;
  readonly children?: ReactNode;
}

/** A dialog that makes one change of an account, once. */
export function ChangeDialog({
  account,
  change,
  title,
  description,
  action,
  isDangerous = false,
  isBlocked = false,
  prepare,
  onClose,
  onDone,
  children,
}: ChangeDialogProps) {
  const queryClient = useQueryClient();
  const { state, send, startNew } = useOnce(draftOf(change, account), {}, sendTo(account.id));
  const run = async (prepared?: Change) => {
    const done = await send(prepared);
    if (done === undefined) return;
    // The page shows the new state before it reads it again.
    for (const [queryKey, old] of queryClient.getQueriesData<{ readonly id: string } | null>({
      queryKey: ['account'],
    })) {
      if (old?.id === account.id) queryClient.setQueryData(queryKey, { ...old, ...done.account });
    }
    onDone();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isBlocked || state.kind !== 'editing') return;
    const prepared = prepare();
    if (prepared !== undefined) void run(prepared);
  };
  const outcome = (
    <Outcome
      state={state}
      what="change"
      onRetry={() => void run(state.kind === 'editing' ? prepare() : undefined)}
      attempt={{ place: 'the changes of the account', onGiveUp: startNew }}
    />
  );
  return (
    <Dialog title={title} description={description} onClose={onClose}>
      {state.kind === 'undecided' ? (
        outcome
      ) : (
        <form className="stack" onSubmit={submit}>
          {children}
          {outcome}
          <div className="row">
            <Button
              type="submit"
              kind={isDangerous ? 'danger' : 'primary'}
              isBusy={state.kind === 'sending'}
              isDisabled={isBlocked}
            >
              {action}
            </Button>
            <Button onPress={onClose}>Cancel</Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
