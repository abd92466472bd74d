import type { UpdateAccountInput } from '../../core/update-account.ts';
import type { PlannedAccount } from './accounts.ts';
import type { PlannedOperation } from './operation.ts';

/** A change of the account with an externalId. */
export interface PlannedChange {
  readonly account: string;
  readonly change:
    | 'FREEZE'
    | 'UNFREEZE'
    | 'CLOSE'
    | Pick<UpdateAccountInput, 'minBalance' | 'maxBalance' | 'metadata'>;
}

export type Step =
  | { readonly kind: 'POST'; readonly operations: readonly PlannedOperation[] }
  /** Places holds that expire within seconds. */
  | { readonly kind: 'PLACE'; readonly operations: readonly PlannedOperation[] }
  | { readonly kind: 'CHANGE'; readonly changes: readonly PlannedChange[] }
  /** Creates an account without an externalId, then names it. */
  | {
      readonly kind: 'NAME';
      readonly account: Omit<PlannedAccount, 'externalId'>;
      readonly externalId: string;
    }
  /** Waits for the expiry of holds, and releases them. */
  | { readonly kind: 'EXPIRE'; readonly holds: readonly string[] };
