import { useQueries } from '@tanstack/react-query';
import type { Account } from '../../../client/index.ts';
import { READ } from '../../data/pages.ts';
import { useSession } from '../../session/session-context.ts';

/**
 * Returns the accounts of ids, as far as they exist and are read: by their ids, and by the names such as `ext:alice` that were given.
 * The client reads those of one moment in one request.
 */
export function useAccounts(given: readonly string[]): ReadonlyMap<string, Account> {
  const { client, isAllowed } = useSession();
  const ids = [...new Set(given)].filter((id) => /^(acct_|ext:)./.test(id));
  const queries = useQueries({
    queries: ids.map((id) => ({
      queryKey: ['client account', id],
      queryFn: () => client.account(id, READ),
      enabled: isAllowed('account'),
    })),
  });
  return new Map(
    queries.flatMap(({ data }, place) =>
      data == null
        ? []
        : [
            [ids[place] ?? data.id, data],
            [data.id, data],
          ],
    ),
  );
}
