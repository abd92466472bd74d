import { randomUUID } from 'node:crypto';
import { afterAll } from 'vitest';
import { SCOPES, type Scope, type Viewer } from '../../src/core/access/viewer.ts';
import type { Uuid } from '../../src/core/values/ids.ts';
import type { Access, ApiKeyCreated, KeyInput } from '../../src/ledger/access/access.ts';
import { Engine, MAIN } from '../../src/ledger/engine.ts';
import type { LedgerOptions } from '../../src/ledger/ledger.ts';
import type { TestDatabase } from './database.ts';

/** Opens an engine. It is closed at the end of the file. */
export async function openEngine(
  { serviceUrl }: Pick<TestDatabase, 'serviceUrl'>,
  options: Partial<LedgerOptions> = {},
): Promise<Engine> {
  const engine = await Engine.open({ allowUnsafeDurability: true, databaseUrl: serviceUrl, ...options });
  afterAll(() => engine.close());
  return engine;
}

/** A caller with these scopes, of all ledgers or of the ledger of the request. */
export function viewer(scopes: readonly Scope[] = SCOPES, allLedgers = true): Viewer {
  return { actor: null, scopes: new Set(scopes), allLedgers, owner: null };
}

/** Creates a key, with a unique name unless the input has one. */
export async function createKey(
  access: Access,
  ledgerId: Uuid,
  input: Partial<KeyInput> = {},
  by: Viewer = viewer(),
): Promise<ApiKeyCreated> {
  const wanted = { name: `key ${randomUUID()}`, scopes: ['READ'] as const, ...input };
  const made = await access.createKey(by, ledgerId, wanted, 'request');
  if (made.code !== 'API_KEY_CREATED') throw new TypeError(`refused: ${made.code}`);
  return made;
}

/** Returns the id of a ledger, which is created if there is none of this name. */
export async function ledgerIdOf(access: Access, name = MAIN): Promise<Uuid> {
  const made = await access.createLedger(viewer(), name, 'request');
  if (made.code !== 'LEDGER_CREATED') throw new TypeError(`refused: ${made.code}`);
  return made.ledger.id;
}
