import type { Account } from '../../data/accounts.ts';
import { pathTo } from '../../data/place.ts';
import { Button, ButtonLink } from '../../kit/button.tsx';
import { useSession } from '../../session/session-context.ts';
import type { AccountChange } from './change/change-dialog.tsx';
import { CloseDialog, FreezeDialog, UnfreezeDialog } from './change/status-dialogs.tsx';
import { ExternalIdDialog, LimitsDialog, MetadataDialog } from './change/update-dialogs.tsx';

/** Links to the forms that move money of an account. A frozen or closed account has none, because its money cannot move. */
export function MoneyLinks({ account }: { readonly account: Account }) {
  const { isAllowed } = useSession();
  const { id, kind, status, normalSide } = account;
  if (kind === 'EXTERNAL' || status !== 'OPEN') return null;
  // Deposits and withdrawals are for accounts that hold what is owed to their owner.
  const hasOutside = normalSide === 'CREDIT';
  return (
    <>
      {isAllowed('transfer') ? (
        <ButtonLink kind="primary" to={pathTo.move('transfer', { from: id })}>
          Transfer from here
        </ButtonLink>
      ) : null}
      {hasOutside && isAllowed('deposit') ? (
        <ButtonLink to={pathTo.move('deposit', { account: id })}>Deposit</ButtonLink>
      ) : null}
      {hasOutside && isAllowed('withdraw') ? (
        <ButtonLink to={pathTo.move('withdraw', { account: id })}>Withdraw</ButtonLink>
      ) : null}
      {isAllowed('placeHold') ? <ButtonLink to={pathTo.move('hold', { from: id })}>Hold</ButtonLink> : null}
    </>
  );
}

/** The changes that a dialog makes. */
const DIALOGS = {
  limits: LimitsDialog,
  metadata: MetadataDialog,
  externalId: ExternalIdDialog,
  freeze: FreezeDialog,
  unfreeze: UnfreezeDialog,
  close: CloseDialog,
} as const satisfies Record<AccountChange, unknown>;

interface ChangeButtonsProps {
  readonly account: Account;
  readonly onOpen: (change: AccountChange) => void;
}

/** Buttons for the changes that the viewer may make of an account. */
export function ChangeButtons({ account, onOpen }: ChangeButtonsProps) {
  const { isAllowed } = useSession();
  const { kind, status, externalId } = account;
  if (status === 'CLOSED') return null;
  const isStandard = kind === 'STANDARD';
  const isFrozen = status === 'FROZEN';
  return (
    <>
      {isStandard && isAllowed('updateAccount') ? (
        <Button size="small" onPress={() => onOpen('limits')}>
          Change limits
        </Button>
      ) : null}
      {isAllowed('updateAccount') ? (
        <Button size="small" onPress={() => onOpen('metadata')}>
          Change metadata
        </Button>
      ) : null}
      {isStandard && externalId === null && isAllowed('updateAccount') ? (
        <Button size="small" onPress={() => onOpen('externalId')}>
          Set external id
        </Button>
      ) : null}
      {isStandard && isAllowed(isFrozen ? 'unfreezeAccount' : 'freezeAccount') ? (
        <Button size="small" onPress={() => onOpen(isFrozen ? 'unfreeze' : 'freeze')}>
          {isFrozen ? 'Unfreeze' : 'Freeze'}
        </Button>
      ) : null}
      {isStandard && isAllowed('closeAccount') ? (
        <Button size="small" kind="danger" onPress={() => onOpen('close')}>
          Close
        </Button>
      ) : null}
    </>
  );
}

interface AccountDialogProps {
  readonly change: AccountChange;
  readonly account: Account;
  readonly onClose: () => void;
  readonly onDone: (message: string) => void;
}

export function AccountDialog({ change, ...about }: AccountDialogProps) {
  const ChosenDialog = DIALOGS[change];
  return <ChosenDialog {...about} />;
}
