import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { isUnauthenticated } from './failures.ts';

/** How often a visible page reads its data again. */
const REFRESH_MS = 4_000;

/**
 * Returns a cache for what one session reads: no other session sees it. Calls `onUnauthenticated` when the service does not accept the
 * session's credential.
 */
export function createQueryClient(onUnauthenticated: (error: unknown) => void): QueryClient {
  const onError = (error: unknown) => {
    if (isUnauthenticated(error)) onUnauthenticated(error);
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        refetchInterval: REFRESH_MS,
        staleTime: REFRESH_MS / 2,
        // The client retries until its deadline.
        retry: false,
        // Requests to a service on this machine succeed without a network.
        networkMode: 'always',
      },
      mutations: { networkMode: 'always' },
    },
  });
}
