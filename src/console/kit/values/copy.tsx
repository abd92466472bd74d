import { useEffect, useState } from 'react';

interface CopyProps {
  readonly text: string;
  /** Names the copied text, such as "the id". */
  readonly what: string;
  /** A visible label instead of the icon alone. */
  readonly children?: string;
}

/** Copies a text, and says so. */
export function Copy({ text, what, children }: CopyProps) {
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle');
  useEffect(() => {
    if (state === 'idle') return;
    const timer = setTimeout(() => setState('idle'), 2000);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async () => setState((await copyText(text)) ? 'copied' : 'failed');
  return (
    <button
      type="button"
      className={children === undefined ? 'copy' : 'button plain small'}
      aria-label={children === undefined ? `Copy ${what}` : undefined}
      title={`Copy ${what}`}
      onClick={() => void copy()}
    >
      {children ?? <CopyIcon isDone={state === 'copied'} />}
      <span role="status" className={state === 'idle' ? 'sr-only' : 'copy-state'}>
        {state === 'copied' ? 'Copied' : state === 'failed' ? 'Select and copy it by hand' : ''}
      </span>
    </button>
  );
}

interface IdProps {
  readonly id: string;
  /** Shows the whole id. Otherwise its middle is left out where there is no room. */
  readonly isWhole?: boolean;
}

/** An id in the letters of code, with a button that copies it. */
export function Id({ id, isWhole = false }: IdProps) {
  return (
    <span className="id">
      <code title={id}>{isWhole ? id : shortId(id)}</code>
      <Copy text={id} what="the id" />
    </span>
  );
}

/** Returns the prefix and the last characters of an id: the first ones of ids of one day are the same. */
export function shortId(id: string): string {
  const [prefix, rest] = id.split('_');
  return rest === undefined || rest.length <= 10 ? id : `${prefix}_…${rest.slice(-6)}`;
}

/** Pages without TLS on other machines have no clipboard. Returns whether the text was copied. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function CopyIcon({ isDone }: { readonly isDone: boolean }) {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" className="icon">
      {isDone ? <path d="m3 8.5 3.2 3.2L13 5" /> : <path d="M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z" />}
    </svg>
  );
}
