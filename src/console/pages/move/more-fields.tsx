import { useState } from 'react';
import { zoneName } from '../../data/instants.ts';
import { TextField } from '../../kit/fields/fields.tsx';
import { MetadataField } from '../../kit/fields/metadata-field.tsx';
import type { FieldsProps } from './fields.ts';

/** The fields that few postings need. They are open at first if one of them has a value. */
export function MoreFields({ kind, values, change, errorOf, isRestricted }: FieldsProps) {
  const hasExternalId = kind !== 'void' && !isRestricted;
  const isUsed = [values.externalId, values.effectiveAt].some((value) => value !== '');
  const [isOpen, setOpen] = useState(isUsed || values.metadata.length > 0);
  return (
    <details className="move-more" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>More</summary>
      <div className="stack">
        <div className="fields">
          {hasExternalId ? (
            <TextField
              label="External id"
              isOptional
              value={values.externalId}
              description="Your name for the business event, such as an order. One business event is posted at most once."
              placeholder="order-1042"
              onChange={(externalId) => change({ externalId })}
            />
          ) : null}
          {kind === 'void' ? null : (
            <TextField
              label="Effective date"
              isOptional
              type="datetime-local"
              value={values.effectiveAt}
              error={errorOf('effectiveAt')}
              description={`In the time zone ${zoneName()}. Empty: the time of the posting.`}
              onChange={(effectiveAt) => change({ effectiveAt })}
            />
          )}
        </div>
        <MetadataField value={values.metadata} onChange={(metadata) => change({ metadata })} />
      </div>
    </details>
  );
}
