import type { Hold } from '../../data/transactions.ts';
import { Badge, wordOf } from '../../kit/badge.tsx';

const TONES = { OPEN: 'warning', CAPTURED: 'good', VOIDED: 'neutral', EXPIRED: 'neutral' } as const;

export function HoldStatus({ status }: Pick<Hold, 'status'>) {
  return <Badge tone={TONES[status]}>{wordOf(status)}</Badge>;
}
