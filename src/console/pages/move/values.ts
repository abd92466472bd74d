/** The values of the forms that move money. */
import type { MetadataRow } from '../../data/metadata.ts';
import type { JournalRow } from './journal-balance.ts';

export type MoveKind = 'deposit' | 'withdraw' | 'transfer' | 'hold' | 'capture' | 'void' | 'journal';

/** The typed values. Each kind uses some of them. */
export interface MoveValues {
  readonly from: string;
  readonly to: string;
  readonly amount: string;
  readonly hold: string;
  /** A capture takes all that remains. */
  readonly isWhole: boolean;
  /** A capture releases what is left. */
  readonly isFinal: boolean;
  readonly expiresAt: string;
  readonly rows: readonly JournalRow[];
  /** The account of a journal that its idempotency key belongs to. Empty: the one of the first row. */
  readonly keyAccount: string;
  readonly description: string;
  readonly externalId: string;
  readonly effectiveAt: string;
  readonly metadata: readonly MetadataRow[];
}

/** Returns the values of an empty form, or of one that a link fills. */
export function initialValues(kind: MoveKind, link: URLSearchParams): MoveValues {
  const of = (name: string) => link.get(name) ?? '';
  const account = of('account');
  const from = of('from') || (kind === 'deposit' ? '' : account);
  const to = of('to') || (kind === 'deposit' ? account : '');
  const amount = of('amount');
  return {
    from,
    to,
    amount,
    hold: of('hold'),
    isWhole: amount === '',
    isFinal: true,
    expiresAt: '',
    rows: [
      { account: from, side: 'DEBIT', amount, description: '' },
      { account: to, side: 'CREDIT', amount, description: '' },
    ],
    keyAccount: '',
    description: '',
    externalId: '',
    effectiveAt: '',
    metadata: [],
  };
}
