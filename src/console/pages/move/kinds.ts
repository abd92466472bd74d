import type { Action } from '../../session/rights.ts';
import type { MoveKind } from './values.ts';

interface Kind {
  readonly kind: MoveKind;
  readonly label: string;
  readonly title: string;
  /** The right that the kind needs. */
  readonly action: Action;
}

/** The kinds of operations, in the order of their links. */
export const KINDS: readonly Kind[] = [
  { kind: 'transfer', label: 'Transfer', title: 'Transfer money', action: 'transfer' },
  { kind: 'deposit', label: 'Deposit', title: 'Deposit money', action: 'deposit' },
  { kind: 'withdraw', label: 'Withdraw', title: 'Withdraw money', action: 'withdraw' },
  { kind: 'hold', label: 'Hold', title: 'Hold money', action: 'placeHold' },
  { kind: 'capture', label: 'Capture', title: 'Capture a hold', action: 'captureHold' },
  { kind: 'void', label: 'Void', title: 'Void a hold', action: 'voidHold' },
  { kind: 'journal', label: 'Journal', title: 'Post a journal', action: 'postTransaction' },
];
