import { useId, useRef } from 'react';
import { flushSync } from 'react-dom';
import { type MetadataRow, metadataProblem } from '../../data/metadata.ts';
import { Button } from '../button.tsx';
import { Glyph } from '../glyph.tsx';

export { type MetadataRow, metadataProblem, toMetadata, toRows } from '../../data/metadata.ts';

interface MetadataFieldProps {
  readonly value: readonly MetadataRow[];
  readonly onChange: (rows: readonly MetadataRow[]) => void;
  readonly label?: string;
}

/** Rows of keys and values, with a button for another row. It shows what is wrong with them: do not send a form that has a `metadataProblem`. */
export function MetadataField({ value, onChange, label = 'Metadata' }: MetadataFieldProps) {
  const id = useId();
  const error = metadataProblem(value);
  const group = useRef<HTMLFieldSetElement>(null);
  const change = (index: number, row: MetadataRow) =>
    onChange(value.map((old, place) => (place === index ? row : old)));
  const focus = (selector: string) => group.current?.querySelector<HTMLElement>(selector)?.focus();
  const add = () => {
    // The new row is in the page before the next key is typed.
    flushSync(() => onChange([...value, ['', '']]));
    focus(`[data-row="${value.length}"]`);
  };
  const remove = (index: number) => {
    flushSync(() => onChange(value.filter((_, place) => place !== index)));
    focus('.metadata-add button');
  };
  return (
    <fieldset
      ref={group}
      className="field fieldset metadata"
      aria-describedby={error ? `${id}-error` : undefined}
    >
      <legend>
        {label} <span className="quiet">(optional)</span>
      </legend>
      {value.map(([key, text], index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows have no identity but their place
        <div key={index} className="metadata-row">
          <input
            className="input"
            data-row={index}
            aria-label={`Key ${index + 1}`}
            placeholder="Key"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            value={key}
            onChange={(event) => change(index, [event.target.value, text])}
          />
          <input
            className="input"
            aria-label={`Value ${index + 1}`}
            placeholder="Value"
            autoComplete="off"
            value={text}
            onChange={(event) => change(index, [key, event.target.value])}
          />
          <Button kind="quiet" label={`Remove row ${index + 1}`} onPress={() => remove(index)}>
            <Glyph name="cross" />
          </Button>
        </div>
      ))}
      {error === undefined ? null : (
        <p className="field-error" id={`${id}-error`} role="status">
          {error}
        </p>
      )}
      <div className="metadata-add">
        <Button size="small" onPress={add}>
          Add {value.length === 0 ? 'a key and a value' : 'another'}
        </Button>
      </div>
    </fieldset>
  );
}
