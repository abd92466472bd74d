import { useCombobox } from 'downshift';
import { type ReactNode, useState } from 'react';
import { Field } from './fields.tsx';

interface ComboboxProps<Row> {
  readonly label: string;
  /** The text of the field. */
  readonly value: string;
  /** Called with each text that is typed, and with the value of a row that is chosen. */
  readonly onChange: (value: string) => void;
  readonly rows: readonly Row[];
  readonly valueOfRow: (row: Row) => string;
  readonly row: (row: Row) => ReactNode;
  /** The rows in words, such as "accounts". */
  readonly rowsName: string;
  readonly isSearching: boolean;
  readonly onFocus: () => void;
  /** Called when the field is left, and by Enter without a highlighted row. True: Enter does not send the form. */
  readonly onLeave?: () => boolean;
  readonly placeholder: string;
  readonly description?: ReactNode;
  readonly error?: string | undefined;
}

/**
 * A text field that offers rows to choose from. Arrow keys and Enter choose a row, Escape closes the list, and Enter without a chosen
 * row sends the form, unless `onLeave` prevents it.
 */
export function Combobox<Row>(props: ComboboxProps<Row>) {
  const { label, value, onChange, rows, valueOfRow, rowsName, isSearching, description, error } = props;
  // The rows may change between the highlight and Enter. The highlight stays with its row, or ends.
  const [highlighted, setHighlighted] = useState<string>();
  const combobox = useCombobox<Row>({
    highlightedIndex: rows.findIndex((row) => valueOfRow(row) === highlighted),
    onHighlightedIndexChange: ({ highlightedIndex: index }) => {
      const row = rows[index];
      setHighlighted(row === undefined ? undefined : valueOfRow(row));
    },
    items: [...rows],
    itemToString: (row) => (row == null ? '' : valueOfRow(row)),
    itemToKey: (row) => (row == null ? row : valueOfRow(row)),
    inputValue: value,
    selectedItem: null,
    onStateChange: ({ type, selectedItem }) => {
      const { ItemClick, InputKeyDownEnter } = useCombobox.stateChangeTypes;
      const isChoice = type === ItemClick || type === InputKeyDownEnter;
      if (isChoice && selectedItem != null) onChange(valueOfRow(selectedItem));
    },
  });
  const { isOpen, highlightedIndex } = combobox;
  const found = rows.length === 0 ? `No ${rowsName} found` : `${rows.length} ${rowsName}: use the arrow keys`;
  return (
    <Field label={label} error={error} description={description}>
      {({ id, describedBy, isInvalid }) => (
        <div className="combobox">
          <input
            {...combobox.getInputProps({
              id,
              'aria-label': undefined,
              'aria-labelledby': undefined,
              onChange: (event) => onChange((event.target as HTMLInputElement).value),
              onFocus: (event) => {
                // The next character replaces an id, which few people edit.
                event.currentTarget.select();
                props.onFocus();
              },
              onBlur: () => void props.onLeave?.(),
              onKeyDown: (event) => {
                const isSent = event.key === 'Enter' && highlightedIndex < 0;
                if (isSent && props.onLeave?.()) event.preventDefault();
              },
            })}
            className="input"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            placeholder={props.placeholder}
            aria-describedby={describedBy}
            aria-invalid={isInvalid || undefined}
          />
          <ul
            {...combobox.getMenuProps({ 'aria-label': `Offered ${rowsName}`, 'aria-labelledby': undefined })}
            className="options"
            aria-busy={isSearching || undefined}
          >
            {isOpen
              ? rows.map((row, index) => (
                  <li
                    key={valueOfRow(row)}
                    className={highlightedIndex === index ? 'option active' : 'option'}
                    {...combobox.getItemProps({ item: row, index })}
                  >
                    {props.row(row)}
                  </li>
                ))
              : null}
          </ul>
          <span className={isOpen && !isSearching && rows.length === 0 ? 'found' : 'sr-only'} role="status">
            {isOpen && !isSearching ? found : ''}
          </span>
        </div>
      )}
    </Field>
  );
}
