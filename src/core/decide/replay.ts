/** Step 4 of the order of precedence: an idempotency key that has a recorded outcome. */
import { canonicalText } from '../chain.ts';
import { refuse } from '../errors.ts';
import type { Outcome } from '../transaction.ts';
import { differingFields, type PlannedCommand } from './command.ts';
import { haveEntryTexts, type Recorded } from './recording.ts';

/** Returns the recorded outcome for the same request, IDEMPOTENCY_CONFLICT for a different one. */
export function replay(command: PlannedCommand, recorded: Recorded): Outcome {
  const differing = differingFromRecorded(command, recorded);
  if (differing.length > 0) {
    const transaction = recorded.outcome.code === 'POSTED' ? recorded.id : null;
    return refuse('keyUsedOtherwise', { differingFields: differing, transaction });
  }
  return { ...recorded.outcome, replayed: !command.madeIds.has(recorded.id) };
}

function differingFromRecorded(command: PlannedCommand, recorded: Recorded): string[] {
  if (recorded.type !== command.type) return ['type'];
  const fields = differingFields(command.request, recorded.request);
  return [...new Set([...fields, ...differingTexts(command, recorded)])];
}

/** Texts that were erased equal any text. */
function differingTexts({ description, metadata, legs }: PlannedCommand, recorded: Recorded): string[] {
  const metadataText = metadata === null ? null : canonicalText(metadata);
  return [
    ...(haveEntryTexts(legs, recorded.entryTexts) ? [] : ['entries']),
    ...(recorded.description === 'ERASED' || recorded.description === description ? [] : ['description']),
    ...(recorded.metadata === 'ERASED' || recorded.metadata === metadataText ? [] : ['metadata']),
  ];
}
