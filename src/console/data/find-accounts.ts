import type { AccountFilter, LedgerClient } from '../../client/index.ts';
import { AccountDetailsDocument, AccountListDocument, type AccountRowFragment } from './generated.ts';
import { READ, rangeOf } from './pages.ts';

export type AccountRow = AccountRowFragment;

const OFFERED = 8;

/**
 * Returns the accounts that a text may mean: the one with this id or externalId, those whose externalId begins with it, and those of
 * this owner. An empty text means the newest accounts.
 */
export async function findAccounts(
  client: LedgerClient,
  text: string,
  currency: string | undefined,
  signal: AbortSignal,
): Promise<readonly AccountRow[]> {
  const wanted = text.trim();
  const options = { ...READ, signal };
  const list = async (filter: AccountFilter) => {
    const variables = {
      filter: { ...filter, currency: currency ?? null, kind: 'STANDARD' },
      ...rangeOf({}, OFFERED),
    };
    return (await client.request(AccountListDocument, variables as never, options)).accounts.nodes;
  };
  if (wanted === '') return list({});
  const byId = async () => {
    const id = /^(acct_|ext:)/.test(wanted) ? wanted : `ext:${wanted}`;
    const { account } = await client.request(AccountDetailsDocument, { id }, options);
    return account == null || (currency !== undefined && account.currency !== currency) ? [] : [account];
  };
  const name = wanted.replace(/^ext:/, '');
  const [exact, prefixed, owned] = await Promise.all([
    byId(),
    list({ externalIdPrefix: name }),
    list({ owner: name }),
  ]);
  // Owned before prefixed: where an owner has several accounts, at least two are left, so that the owner names none of them.
  const found = new Map([...exact, ...owned, ...prefixed].map((row) => [row.id, row]));
  return [...found.values()].slice(0, OFFERED);
}

/** Returns the account that a text names among those found for it: by its externalId, or by its owner who has no other one. */
export function accountNamed(rows: readonly AccountRow[], text: string): AccountRow | undefined {
  const name = text.trim();
  const named = rows.find(({ externalId }) => externalId === name);
  const [owned, other] = rows.filter(({ owner }) => owner === name);
  return named ?? (other === undefined ? owned : undefined);
}
