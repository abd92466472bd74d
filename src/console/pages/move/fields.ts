import type { MoveFacts } from './read-fields.ts';
import type { MoveKind, MoveValues } from './values.ts';

/** The properties that all groups of fields have. */
export interface FieldsProps {
  readonly kind: MoveKind;
  readonly values: MoveValues;
  readonly facts: MoveFacts;
  readonly change: (values: Partial<MoveValues>) => void;
  /** The mistake of a field that is shown: at once, or after the button was pressed if more characters may correct it. */
  readonly errorOf: (field: string) => string | undefined;
  readonly currency: string | undefined;
  readonly isRestricted: boolean;
}
