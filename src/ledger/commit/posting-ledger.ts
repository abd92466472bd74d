import type { Uuid } from '../../core/values/ids.ts';
import type { Currencies } from '../currencies.ts';
import type { BusyNames } from './busy-names.ts';
import type { CachedStates } from './cached-states.ts';

/** The ledger of a unit, with the parts of it that its batches use. */
export interface PostingLedger {
  readonly id: Uuid;
  readonly currencies: Currencies;
  readonly states: CachedStates;
  readonly busy: BusyNames;
}
