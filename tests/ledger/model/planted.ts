import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import type { Program } from './model-program.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** A bug that is planted in a copy of the program, as a text and what takes its place. */
export interface PlantedBug {
  readonly bug: string;
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}

/** The project's own program. */
export const loadProgram = () => load(join(ROOT, 'src'));

/** Runs a copy of the program that has the bug, on a database of its own. */
export async function withPlanted(
  { file, text, instead }: PlantedBug,
  run: (program: Program, database: TestDatabase) => Promise<void>,
): Promise<void> {
  const copy = join(ROOT, `.planted-${crypto.randomUUID()}`);
  const database = await createTestDatabase();
  try {
    await cp(join(ROOT, 'src'), copy, { recursive: true });
    const source = await readFile(join(copy, file), 'utf8');
    expect(source.split(text)).toHaveLength(2);
    await writeFile(join(copy, file), source.replace(text, instead));
    await run(await load(copy), database);
  } finally {
    await rm(copy, { recursive: true, force: true });
    await database.drop();
  }
}

async function load(source: string): Promise<Program> {
  const module = (path: string) => import(pathToFileURL(join(source, path)).href);
  const [{ Ledger }, requests, { toAccountUpdate }] = await Promise.all([
    module('ledger/ledger.ts'),
    module('core/decide/request.ts'),
    module('core/update-account.ts'),
  ]);
  return { Ledger, requests, toAccountUpdate };
}
