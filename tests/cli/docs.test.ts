import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Engine } from '../../src/ledger/engine.ts';
import { readCommands } from '../support/commands.ts';
import { createTestDatabase } from '../support/database.ts';
import { Shell } from '../support/docs.ts';

const PROJECT = join(import.meta.dirname, '../..');

/** Replaces the values that differ between runs: ids, secrets and instants. */
function withoutVariables(output: string): string {
  return output
    .replaceAll(/\b(key|ldg)_[0-9a-z]{26}\b/g, '$1_ID')
    .replaceAll(/\btlsk_[0-9a-z]{26}_[\w-]{43}$/gm, 'SECRET')
    .replaceAll(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d\.\d{6})?Z/g, 'INSTANT');
}

test('the session on the page prints what the page shows, and its last key is valid', {
  timeout: 120_000,
}, async () => {
  const { commandLine, commandLineOutput, commandLineKey } = await readCommands();
  const database = await createTestDatabase();
  const prepared = `export DATABASE_URL='${database.serviceUrl}' npm_config_loglevel=silent\n`;
  const printed = await new Shell(PROJECT).run(`${prepared}exec 2>&1\n${commandLine}`);
  expect(withoutVariables(printed)).toBe(withoutVariables(commandLineOutput));

  const key = await new Shell(PROJECT).run(`${prepared.replace(/ npm_.*/, '')}${commandLineKey}echo "$KEY"`);
  const engine = await Engine.open({ databaseUrl: database.serviceUrl, allowUnsafeDurability: true });
  try {
    expect(await engine.access.authenticate(key.trimEnd())).toMatchObject({ key: { name: 'ops' } });
  } finally {
    await engine.close();
  }
});
