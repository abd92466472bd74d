import { Badge, wordOf } from '../badge.tsx';

const TONES = { OPEN: 'good', FROZEN: 'warning', CLOSED: 'neutral' } as const;

export function AccountStatus({ status }: { readonly status: keyof typeof TONES }) {
  return <Badge tone={TONES[status]}>{wordOf(status)}</Badge>;
}
