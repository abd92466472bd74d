import { cp, glob, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import type { Program } from './model-program.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** A bug to plant in a copy of the program: a text of src/core and its replacement. */
export interface PlantedBug {
  readonly bug: string;
  readonly text: string;
  readonly instead: string;
}

/** Loads the program without a bug. */
export const loadProgram = () => load(join(ROOT, 'src'));

/** Runs a copy of the program with the bug on a database of its own. */
export async function withPlanted(
  { text, instead }: PlantedBug,
  run: (program: Program, database: TestDatabase) => Promise<void>,
): Promise<void> {
  const copy = join(ROOT, `.planted-${crypto.randomUUID()}`);
  const database = await createTestDatabase();
  try {
    await cp(join(ROOT, 'src'), copy, { recursive: true });
    let planted = 0;
    for await (const file of glob(join(copy, 'core/**/*.ts'))) {
      const source = await readFile(file, 'utf8');
      planted += source.split(text).length - 1;
      if (source.includes(text)) await writeFile(file, source.replace(text, instead));
    }
    expect(planted).toBe(1);
    await run(await load(copy), database);
  } finally {
    await rm(copy, { recursive: true, force: true });
    await database.drop();
  }
}

async function load(source: string): Promise<Program> {
  const module = (path: string) => import(pathToFileURL(join(source, path)).href);
  const [{ Engine }, requests, { toAccountUpdate }] = await Promise.all([
    module('ledger/engine.ts'),
    module('core/decide/request.ts'),
    module('core/update-account.ts'),
  ]);
  return { Engine, requests, toAccountUpdate };
}
