import { useEffect, useState } from 'react';
import { Glyph } from '../glyph.tsx';

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
      {children ?? <Glyph name={state === 'copied' ? 'check' : 'copy'} />}
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
  return <Code text={id} what="the id" shown={isWhole ? id : shortId(id)} />;
}

interface CodeProps extends Pick<CopyProps, 'text' | 'what'> {
  /** The part of a long text that is shown. */
  readonly shown?: string;
}

/** A text in the letters of code, with a button that copies it. */
export function Code({ text, what, shown = text }: CodeProps) {
  return (
    <span className="id">
      <code title={text}>{shown}</code>
      <Copy text={text} what={what} />
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
