import { Link } from 'wouter';
import type { Account } from '../../../data/accounts.ts';
import { isZero } from '../../../data/amounts.ts';
import { pathTo } from '../../../data/place.ts';
import { Notice } from '../../../kit/notice.tsx';
import { Amount } from '../../../kit/values/money.tsx';
import { ChangeDialog } from './change-dialog.tsx';

export interface AccountDialogProps {
  readonly account: Account;
  readonly onClose: () => void;
  /** Called with what was done, in a sentence. */
  readonly onDone: (message: string) => void;
}

export function FreezeDialog({ account, onClose, onDone }: AccountDialogProps) {
  return (
    <ChangeDialog
      account={account}
      change="freeze"
      title="Freeze account"
      description="A frozen account rejects transactions, holds and captures in both directions. Its balance and its open holds stay as they are. You can unfreeze it at any time."
      action="Freeze account"
      isDangerous
      prepare={() => ({ status: 'freezeAccount' })}
      onClose={onClose}
      onDone={() => onDone('The account is frozen.')}
    />
  );
}

export function UnfreezeDialog({ account, onClose, onDone }: AccountDialogProps) {
  return (
    <ChangeDialog
      account={account}
      change="unfreeze"
      title="Unfreeze account"
      description="The account accepts transactions, holds and captures again."
      action="Unfreeze account"
      prepare={() => ({ status: 'unfreezeAccount' })}
      onClose={onClose}
      onDone={() => onDone('The account is open.')}
    />
  );
}

/** Closes an account. It says first what must be moved or ended before. */
export function CloseDialog({ account, onClose, onDone }: AccountDialogProps) {
  const { balance, held, incoming } = account;
  const hasHolds = !isZero(held.amount) || !isZero(incoming.amount);
  const obstacles = [
    ...(isZero(balance.amount) ? [] : [{ name: 'Balance', money: balance }]),
    ...(isZero(held.amount) ? [] : [{ name: 'Held by open holds', money: held }]),
    ...(isZero(incoming.amount) ? [] : [{ name: 'Incoming from open holds', money: incoming }]),
  ];
  return (
    <ChangeDialog
      account={account}
      change="close"
      title="Close account"
      description="A closed account stays closed for good. Its history stays readable."
      action="Close account"
      isDangerous
      isBlocked={obstacles.length > 0}
      prepare={() => ({ status: 'closeAccount' })}
      onClose={onClose}
      onDone={() => onDone('The account is closed.')}
    >
      {obstacles.length === 0 ? (
        <p>The account is empty and has no open holds. It can be closed.</p>
      ) : (
        <Notice tone="warning" title="The account is not empty, so it cannot be closed yet.">
          <ul>
            {obstacles.map(({ name, money }) => (
              <li key={name}>
                {name}: <Amount money={money} />
              </li>
            ))}
          </ul>
          {isZero(balance.amount) ? null : <p>Move the balance to another account.</p>}
          {hasHolds ? (
            <p>
              Capture or void the open holds.{' '}
              <Link href={`${pathTo.account(account.id)}?tab=holds`} onClick={onClose}>
                Show the open holds
              </Link>
            </p>
          ) : null}
        </Notice>
      )}
    </ChangeDialog>
  );
}
