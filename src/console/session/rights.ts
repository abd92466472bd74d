import type { Scope, Viewer } from '../../client/index.ts';

/** The actions that the console offers, by the fields of the API, with the right that the service demands for each. */
// biome-ignore format: the rows of the table are aligned
export const RIGHTS = {
  ledgers:            { scope: null,     restricted: false },
  ledger:             { scope: 'READ',   restricted: true  },
  account:            { scope: 'READ',   restricted: true  },
  accounts:           { scope: 'READ',   restricted: true  },
  transaction:        { scope: 'READ',   restricted: true  },
  transactions:       { scope: 'READ',   restricted: false },
  hold:               { scope: 'READ',   restricted: true  },
  holds:              { scope: 'READ',   restricted: false },
  preview:            { scope: 'READ',   restricted: true  },
  apiKeys:            { scope: 'ADMIN',  restricted: false },
  auditEvents:        { scope: 'ADMIN',  restricted: false },
  deposit:            { scope: 'POST',   restricted: false },
  withdraw:           { scope: 'POST',   restricted: false },
  transfer:           { scope: 'POST',   restricted: true  },
  postTransaction:    { scope: 'POST',   restricted: false },
  reverseTransaction: { scope: 'POST',   restricted: false },
  placeHold:          { scope: 'POST',   restricted: true  },
  captureHold:        { scope: 'POST',   restricted: false },
  voidHold:           { scope: 'POST',   restricted: false },
  createAccount:      { scope: 'MANAGE', restricted: false },
  updateAccount:      { scope: 'MANAGE', restricted: false },
  freezeAccount:      { scope: 'MANAGE', restricted: false },
  unfreezeAccount:    { scope: 'MANAGE', restricted: false },
  closeAccount:       { scope: 'MANAGE', restricted: false },
  createLedger:       { scope: 'ADMIN',  restricted: false },
  createApiKey:       { scope: 'ADMIN',  restricted: false },
  revokeApiKey:       { scope: 'ADMIN',  restricted: false },
  'Ledger.trialBalance': { scope: 'READ', restricted: false },
  'Ledger.head':         { scope: 'READ', restricted: false },
  'Account.changes':     { scope: 'READ', restricted: false },
} as const satisfies Readonly<Record<string, Right>>;

interface Right {
  /** Null: everyone with a credential has it. */
  readonly scope: Scope | null;
  /** Whether a viewer restricted to an owner has it, for what belongs to that owner. */
  readonly restricted: boolean;
}

export type Action = keyof typeof RIGHTS;

/** Returns whether the console offers an action to a viewer. The service decides again. */
export function isAllowed({ scopes, owner }: Pick<Viewer, 'scopes' | 'owner'>, action: Action): boolean {
  const { scope, restricted }: Right = RIGHTS[action];
  return (scope === null || scopes.includes(scope)) && (owner === null || restricted);
}
