/** The text that a person signs in with: an API key of the service, or a token of its issuer. */
export interface Credential {
  readonly kind: 'key' | 'token';
  readonly text: string;
}

const KEY = /^tlsk_[\w-]+_[\w-]+$/;
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Returns the credential of a text that was typed or pasted; a reason if it can be neither a key nor a token. */
export function readCredential(typed: string): Credential | { readonly problem: string } {
  const text = typed.trim().replace(/^bearer\s+/i, '');
  if (text === '') return { problem: 'Enter an API key or a token.' };
  if (/\s/.test(text)) return { problem: 'A key or token has no spaces and no line breaks. Copy it again.' };
  if (KEY.test(text)) return { kind: 'key', text };
  if (TOKEN.test(text)) return { kind: 'token', text };
  if (text.startsWith('tlsk_')) {
    return { problem: 'This is a part of an API key. A whole one has the form tlsk_…_…: copy it again.' };
  }
  return { problem: 'API keys begin with tlsk_. Tokens have three parts, separated by dots.' };
}

const STORED = 'ledger-console:credential';
const STORED_LEDGER = 'ledger-console:ledger';

/** Returns the credential that the tab keeps; null if it keeps none. */
export function storedCredential(): Credential | null {
  const text = readItem(STORED);
  if (text === null) return null;
  const read = readCredential(text);
  return 'problem' in read ? null : read;
}

/** Keeps the credential until the tab is closed, or forgets it. */
export function storeCredential(credential: Credential | null): void {
  writeItem(STORED, credential?.text ?? null);
}

/** Returns the name of the ledger that the tab shows; undefined: the one of the credential. */
export function storedLedger(): string | undefined {
  return readItem(STORED_LEDGER) ?? undefined;
}

export function storeLedger(name: string | undefined): void {
  writeItem(STORED_LEDGER, name ?? null);
}

/** A browser may deny storage to a page. The console then forgets with the next reload. */
function readItem(name: string): string | null {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

function writeItem(name: string, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
  } catch {
    // See readItem.
  }
}
