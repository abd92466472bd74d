import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findRuledOut, RULES } from './ruled-out.ts';

const PROJECT = join(import.meta.dirname, '../..');

/** Files and folders whose wording is checked. */
const CHECKED: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'docs',
  'src',
  'scripts',
  'db/migrations',
  'schema.graphql',
];

/** Folders whose files have at most `MAX_LINES`. */
const SHORT: readonly string[] = ['src'];
const MAX_LINES = 350;

const GENERATED: readonly string[] = [
  'src/client/generated.ts',
  'src/console/data/generated.ts',
  'src/db/tables.ts',
];

/** Returns the source files of a path: itself, or those below it. Paths are relative to the project. */
async function sourcesOf(path: string): Promise<string[]> {
  if (!(await stat(join(PROJECT, path))).isDirectory()) return [path];
  const below = await readdir(join(PROJECT, path), { recursive: true });
  return below
    .filter((name) => /\.(tsx?|md|sql|graphql)$/.test(name))
    .map((name) => join(path, name))
    .filter((name) => !GENERATED.includes(name));
}

const read = (path: string) => readFile(join(PROJECT, path), 'utf8');

test.each(CHECKED)('the wording of %s is plain', async (path) => {
  const places: string[] = [];
  for (const file of await sourcesOf(path)) {
    for (const { line, wording, instead } of findRuledOut(await read(file))) {
      places.push(`${file}:${line}: "${wording}". Write instead: ${instead}`);
    }
  }
  expect(places).toEqual([]);
});

describe('the rules', () => {
  test.each(RULES)('find “$example”', ({ example, instead }) => {
    expect(findRuledOut(example).map((finding) => finding.instead)).toContain(instead);
  });

  test('find wording that a line break divides, and name its line', () => {
    const comment = '/**\n * It takes the\n * ordinary\n * way.\n */\n// the answer goes\n// on\n';
    expect(findRuledOut(comment).map(({ line, wording }) => [line, wording])).toEqual([
      [3, 'ordinary * way'],
      [6, 'goes // on'],
    ]);
  });

  test.each([
    'Run the service behind a proxy or behind your load balancer.',
    'The code POSTED stands for a success, and the standby is a stand-in.',
    'What is the default? It is no longer than a page.',
    'The caller that waits receives one outcome, not two.',
    '## What it promises\n\nA key has one outcome.\n',
    '| table | what it means |',
    'Returns one of a batch. A test may go on to the next.',
    'The answers are in order. Each responds with one row per batch.',
  ])('accept “%s”', (text) => {
    expect(findRuledOut(text)).toEqual([]);
  });
});

test.each(SHORT)(`a file of %s has at most ${MAX_LINES} lines`, async (path) => {
  const long: string[] = [];
  for (const file of await sourcesOf(path)) {
    const lines = (await read(file)).trimEnd().split('\n').length;
    if (lines > MAX_LINES) long.push(`${file} has ${lines} lines: split it by subject`);
  }
  expect(long).toEqual([]);
});
