import { readdir, readFile } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';
import { describe, expect, test } from 'vitest';
import packageFile from '../../package.json' with { type: 'json' };
import vitestConfig from '../../vitest.config.ts';
import { readBlocks } from '../support/blocks.ts';
import { readCommands } from '../support/commands.ts';
import { readPage } from '../support/docs.ts';

const PROJECT = join(import.meta.dirname, '../..');
const commands = await readCommands();

/** The files below a folder of the project with this ending, by their paths from the project. */
async function filesOf(folder: string, ending: string): Promise<string[]> {
  const found = await readdir(join(PROJECT, folder), { recursive: true });
  return found.filter((path) => path.endsWith(ending)).map((path) => join(folder, path));
}

/** Whose readers refuse a block of a language that their tests do not run: readWalk, readCommands, readExamples. */
const PAGES_THAT_ARE_RUN = ['README.md', 'docs/clients.md', 'docs/recipes.md'];

test('a page with a block of code is one whose blocks are run', async () => {
  const root = (await readdir(PROJECT)).filter((name) => name.endsWith('.md'));
  const withBlocks: string[] = [];
  for (const path of [...root, ...(await filesOf('docs', '.md'))]) {
    if (readBlocks(await readPage(path)).length > 0) withBlocks.push(path);
  }
  expect(withBlocks.toSorted()).toEqual(PAGES_THAT_ARE_RUN);
});

test.each([
  '~~~sh\nls\n~~~\n',
  '- a list\n\n  ```sh\n  ls\n  ```\n',
  '> ```sh\n> ls\n> ```\n',
  '````sh\nls\n````\n',
  '```\nls\n```\n',
  '```sh title\nls\n```\n',
  '```sh\nls\n',
  'A command:\n\n    ls\n',
  '<pre>ls</pre>\n',
])('code that no reader would find is refused: %j', (page) => {
  expect(readBlocks('```sh\nls\n```\n')).toEqual([{ language: 'sh', code: 'ls\n', heading: '' }]);
  expect(() => readBlocks(page)).toThrow(SyntaxError);
});

describe('the README’s command for the tests', () => {
  test('is what must pass before a change lands', async () => {
    const ci = (await readFile(join(PROJECT, '.ci/run'), 'utf8')).split('\n');
    const [command] = ci.filter((line) => line.startsWith('npm ci'));
    expect(`${command?.split(' -- ')[0]}\n`).toBe(commands.test);
  });

  test('runs every project, and every test is in one', async () => {
    expect(packageFile.scripts.test).toBe('vitest run');
    const { test: options } = vitestConfig as { test: { projects: { test: { include: string[] } }[] } };
    const included = options.projects.flatMap((project) => project.test.include);
    const files = await filesOf('tests', '.test.ts');
    expect(files.filter((file) => !included.some((glob) => matchesGlob(file, glob)))).toEqual([]);
  });
});

describe('imports', () => {
  const layers = commands.layers.trimEnd().split(' → ');

  /** The layer of a path from the project. What stands in no folder is what starts all others. */
  function layerOf(path: string): string {
    const [, folder = '', file] = /^src\/([^/]+)(\/.*)?$/.exec(path) ?? [];
    return file === undefined && folder !== '' ? 'main' : folder;
  }

  /** Each import of a file from another layer, as `from → to: file imports what`. */
  async function crossings(file: string): Promise<{ from: string; to: string; where: string }[]> {
    const text = await readFile(join(PROJECT, file), 'utf8');
    const from = layerOf(file);
    return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']*)'/g)]
      .map(([, path = '']) => ({
        from,
        to: layerOf(join(file, '..', path)),
        where: `${file} imports ${path}`,
      }))
      .filter(({ to }) => to !== from);
  }

  test('go one way through the layers that the README names', async () => {
    const files = await filesOf('src', '.ts');
    const folders = new Set(files.map(layerOf));
    expect([...folders].toSorted()).toEqual([...layers, 'client'].toSorted());

    const all = (await Promise.all(files.map(crossings))).flat();
    const place = (layer: string) => layers.indexOf(layer);
    const wrong = all.filter(({ from, to }) => place(from) < 0 || place(to) <= place(from));
    expect(wrong.map(({ where }) => where)).toEqual([]);
    // Each layer stands right above one that it uses: in another order the line would be wrong.
    const used = new Set(all.map(({ from, to }) => `${from} → ${to}`));
    const steps = layers.slice(1).map((layer, above) => `${layers[above]} → ${layer}`);
    expect(steps.filter((step) => !used.has(step))).toEqual([]);
  });
});
