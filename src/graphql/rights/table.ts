import type { Scope } from '../../core/access/viewer.ts';

/** The right to use a field. */
export interface Right {
  /** The scope that the caller needs. Null: any caller with credentials may use it. */
  readonly scope: Scope | null;
  /** Whether a caller restricted to an owner may use it, for what belongs to that owner. */
  readonly restricted: boolean;
}

/**
 * The table of rights. Each root field has a row: a root field without a row does not compile. Add a row here before you define
 * the field.
 */
// biome-ignore format: the rows of the table are aligned
export const RIGHTS = {
  Query: {
    viewer:             { scope: null,     restricted: true  },
    ledgers:            { scope: null,     restricted: false }, // those that the caller may use

    node:               { scope: 'READ',   restricted: true  }, // API keys and audit events (not of accounts) need ADMIN too
    nodes:              { scope: 'READ',   restricted: true  }, // the same
    ledger:             { scope: 'READ',   restricted: true  },
    account:            { scope: 'READ',   restricted: true  },
    accounts:           { scope: 'READ',   restricted: true  },
    transaction:        { scope: 'READ',   restricted: true  },
    transactions:       { scope: 'READ',   restricted: false },
    journal:            { scope: 'READ',   restricted: false },
    hold:               { scope: 'READ',   restricted: true  },
    holds:              { scope: 'READ',   restricted: false },
    outcomeByKey:       { scope: 'READ',   restricted: true  },
    preview:            { scope: 'READ',   restricted: true  },

    apiKeys:            { scope: 'ADMIN',  restricted: false },
    auditEvents:        { scope: 'ADMIN',  restricted: false },
  },
  Mutation: {
    deposit:            { scope: 'POST',   restricted: false },
    withdraw:           { scope: 'POST',   restricted: false },
    transfer:           { scope: 'POST',   restricted: true  }, // from an own account
    postTransaction:    { scope: 'POST',   restricted: false },
    reverseTransaction: { scope: 'POST',   restricted: false },
    placeHold:          { scope: 'POST',   restricted: true  }, // from an own account
    captureHold:        { scope: 'POST',   restricted: false },
    voidHold:           { scope: 'POST',   restricted: false },
    postBatch:          { scope: 'POST',   restricted: true  }, // of transfers and holds from own accounts

    createAccount:      { scope: 'MANAGE', restricted: false },
    createAccounts:     { scope: 'MANAGE', restricted: false },
    updateAccount:      { scope: 'MANAGE', restricted: false },
    freezeAccount:      { scope: 'MANAGE', restricted: false },
    unfreezeAccount:    { scope: 'MANAGE', restricted: false },
    closeAccount:       { scope: 'MANAGE', restricted: false },
    createCurrency:     { scope: 'MANAGE', restricted: false },
    closePeriod:        { scope: 'MANAGE', restricted: false },

    createLedger:       { scope: 'ADMIN',  restricted: false }, // also needs all ledgers
    createApiKey:       { scope: 'ADMIN',  restricted: false },
    revokeApiKey:       { scope: 'ADMIN',  restricted: false },
  },
} as const satisfies Record<string, Readonly<Record<string, Right>>>;

/**
 * Fields below a root field that need a right of their own. A scope: they read more than the root field returns. Without it, the
 * result of a mutation would lead a caller without READ to any account: by its entries, their accounts and histories. Not for
 * restricted callers: they concern the whole ledger. Fields whose right depends on the object are not listed: see `ownPart`.
 */
// biome-ignore format: the rows of the table are aligned
export const RIGHTS_BELOW: Readonly<Record<string, Readonly<Record<string, Right>>>> = {
  Ledger: {
    trialBalance:       { scope: 'READ',   restricted: false },
    head:               { scope: 'READ',   restricted: false },
    createdAt:          { scope: null,     restricted: false },
  },
  Account: {
    history:            { scope: 'READ',   restricted: true  },
    holds:              { scope: 'READ',   restricted: true  },
    changes:            { scope: 'READ',   restricted: false },
  },
  Transaction: {
    reversals:          { scope: 'READ',   restricted: true  },
  },
  Hold: {
    transactions:       { scope: 'READ',   restricted: true  },
  },
};

export type QueryName = keyof typeof RIGHTS.Query;
export type MutationName = keyof typeof RIGHTS.Mutation;

/** Returns both tables as one Markdown table. */
export function rightsInMarkdown(): string {
  const rows = Object.entries<Readonly<Record<string, Right>>>({ ...RIGHTS, ...RIGHTS_BELOW }).flatMap(
    ([type, fields]) =>
      Object.entries(fields).map(
        ([field, { scope, restricted }]) =>
          `| \`${type}.${field}\` | ${scope ?? 'any'} | ${restricted ? 'yes' : 'no'} |`,
      ),
  );
  return ['| field | scope | restricted to an owner |', '| --- | --- | --- |', ...rows, ''].join('\n');
}
