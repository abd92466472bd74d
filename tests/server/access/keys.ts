import { randomUUID } from 'node:crypto';
import { ANYBODY } from '../../../src/core/access/viewer.ts';
import type { ApiKeyCreated, KeyInput } from '../../../src/ledger/access/access.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';

/** Creates a key for the ledger, by default with all scopes and a unique name. */
export async function makeKey(
  { engine, id }: Pick<Ledger, 'engine' | 'id'>,
  input: Partial<KeyInput> = {},
): Promise<ApiKeyCreated> {
  const made = await engine.access.createKey(
    ANYBODY,
    id,
    { name: randomUUID(), scopes: ['READ', 'POST', 'MANAGE', 'ADMIN'], ...input },
    randomUUID(),
  );
  if (made.code !== 'API_KEY_CREATED') throw new TypeError(`refused: ${JSON.stringify(made)}`);
  return made;
}

/** Creates a ledger, and opens it. */
export async function makeLedger({ engine }: Pick<Ledger, 'engine'>, name: string): Promise<Ledger> {
  const made = await engine.access.createLedger(ANYBODY, name, randomUUID());
  if (made.code !== 'LEDGER_CREATED') throw new TypeError(`refused: ${made.code}`);
  const ledger = await engine.ledger(name);
  if (ledger === undefined) throw new TypeError(`there is no ledger ${name}`);
  return ledger;
}

/** Revokes a key. */
export async function revoke({ engine, id }: Pick<Ledger, 'engine' | 'id'>, keyId: string): Promise<void> {
  const { code } = await engine.access.revokeKey(ANYBODY, id, keyId, randomUUID());
  if (code !== 'API_KEY_REVOKED') throw new TypeError(`refused: ${code}`);
}

/** Returns the header with an API key. */
export function bearer(secret: string): { readonly authorization: string } {
  return { authorization: `Bearer ${secret}` };
}
