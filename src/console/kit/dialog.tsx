import { type ReactNode, useEffect, useId, useRef } from 'react';
import { createPortal } from 'react-dom';
import { Glyph } from './glyph.tsx';

interface DialogProps {
  readonly title: string;
  readonly description?: ReactNode;
  readonly children: ReactNode;
  readonly onClose: () => void;
}

/**
 * A dialog over the page, by the browser's own element: the rest of the page is inert while it is open. It begins with the focus in its
 * first field, is closed by Escape, by its button, or from within, and gives the focus back. A press next to it does not close it, as
 * that would discard what was typed. Show it conditionally: it is open while it is there.
 */
export function Dialog({ title, description, children, onClose }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [titleId, descriptionId] = [`${id}-title`, `${id}-description`];
  useEffect(() => {
    const dialog = element.current;
    const opener = document.activeElement;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>('input, select, textarea')?.focus();
    return () => {
      dialog?.close();
      // The browser gives the focus back only while the element is in the page.
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return createPortal(
    <dialog
      ref={element}
      className="dialog"
      aria-labelledby={titleId}
      aria-describedby={description === undefined ? undefined : descriptionId}
      onCancel={(event) => {
        // Of fields in the dialog, such as a file field, this event also comes.
        if (event.target !== event.currentTarget) return;
        event.preventDefault();
        onClose();
      }}
      // The browser closes it by itself at a second Escape.
      onClose={({ currentTarget }) => {
        if (!currentTarget.open) onClose();
      }}
    >
      <header className="dialog-head">
        <h2 id={titleId} className="dialog-title">
          {title}
        </h2>
        <button type="button" className="button quiet small" aria-label="Close" onClick={onClose}>
          <Glyph name="cross" />
        </button>
      </header>
      {description === undefined ? null : (
        <div id={descriptionId} className="quiet">
          {description}
        </div>
      )}
      {children}
    </dialog>,
    document.body,
  );
}
