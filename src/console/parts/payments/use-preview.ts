import { useQuery } from '@tanstack/react-query';
import type { Operation, PreviewResult } from '../../../client/index.ts';
import { READ } from '../../data/pages.ts';
import { useSettled } from '../../data/use-settled.ts';
import { useSession } from '../../session/session-context.ts';

const PAUSE_MS = 300;

/** Returns the result that an operation would have at this moment. Undefined while the form is incomplete or its values change. */
export function usePreview(operation: Operation | undefined) {
  const { client, isAllowed } = useSession();
  const text = operation === undefined ? '' : JSON.stringify(operation);
  const settled = useSettled(text, PAUSE_MS);
  const query = useQuery({
    queryKey: ['preview', settled],
    queryFn: ({ signal }): Promise<PreviewResult> =>
      client.preview(JSON.parse(settled) as Operation, { ...READ, signal }),
    enabled: settled !== '' && isAllowed('preview'),
  });
  const isCurrent = settled === text;
  return { ...query, data: isCurrent ? query.data : undefined, error: isCurrent ? query.error : null };
}
