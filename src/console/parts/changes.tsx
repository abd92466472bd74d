import { fieldChanges } from '../data/change-words.ts';

interface ChangesProps {
  readonly event: { readonly before?: string | null; readonly after?: string | null };
  /** The currency of the changed account. */
  readonly currency?: string;
}

/** The fields that a recorded change set, in words. */
export function Changes({ event, currency }: ChangesProps) {
  const changes = fieldChanges(event, currency);
  return (
    <ul className="changes">
      {changes.length === 0 ? <li className="quiet">Nothing changed.</li> : null}
      {changes.map(({ name, text }) => (
        <li key={name}>
          <span className="quiet">{name}:</span> <span>{text}</span>
        </li>
      ))}
    </ul>
  );
}
