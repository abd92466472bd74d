import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, matchesGlob, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import packageFile from '../../package.json' with { type: 'json' };
import vitestConfig from '../../vitest.config.ts';
import { readBlocks } from '../support/blocks.ts';
import { readCommands } from '../support/commands.ts';
import { readPage } from '../support/docs.ts';

const PROJECT = join(import.meta.dirname, '../..');
const commands = await readCommands();

/** Returns the paths, relative to the project, of all files below a folder with this ending. */
async function filesOf(folder: string, ending: string): Promise<string[]> {
  const found = await readdir(join(PROJECT, folder), { recursive: true });
  return found.filter((path) => path.endsWith(ending)).map((path) => join(folder, path));
}

/** The pages whose blocks tests run. Their readers reject an unknown language: readWalk, readCommands, readExamples. */
const PAGES_WITH_BLOCKS = [
  'README.md',
  'docs/api.md',
  'docs/architecture.md',
  'docs/clients.md',
  'docs/end-users.md',
  'docs/operations.md',
  'docs/recipes.md',
];

const rootPages = (await readdir(PROJECT)).filter((name) => name.endsWith('.md'));
const pages = [...rootPages, ...(await filesOf('docs', '.md'))];

test('every page with code blocks has a test that runs them', async () => {
  const withBlocks: string[] = [];
  for (const path of pages) {
    if (readBlocks(await readPage(path)).length > 0) withBlocks.push(path);
  }
  expect(withBlocks.toSorted()).toEqual(PAGES_WITH_BLOCKS);
});

test.each(pages)('the links of %s lead to files and headings that exist', async (page) => {
  const links = [...(await readPage(page)).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)];
  for (const [link, path = '', heading] of links) {
    const target = path === '' ? page : join(page, '..', path);
    const text = await readPage(target);
    if (heading !== undefined) expect(headingIds(text), `${page}: ${link}`).toContain(heading);
  }
});

test.each(pages)('the files that %s names exist', async (page) => {
  const named = (await readPage(page)).matchAll(/`((?:src|tests|scripts|db)\/[\w./-]+)`/g);
  // A page can name a subject, such as src/graphql/refusals, that is a folder or a file.
  const missing = [...named].filter(([, path = '']) =>
    ['', '.ts'].every((ending) => !existsSync(join(PROJECT, path + ending))),
  );
  expect(missing.map(([, path]) => path)).toEqual([]);
});

/** Returns the anchors of a page's headings as code hosts form them. */
function headingIds(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('the pictures are flowcharts in a form that every renderer of Mermaid accepts', () => {
  const node = String.raw`\w+(\[[\w .]+\])?`;
  const edge = String.raw`-->(\|[\w ]+\|)?`;
  const line = new RegExp(`^ *(flowchart LR|end|subgraph ${node}|${node}( ${edge} ${node})*)$`);
  for (const picture of [commands.picture, commands.layers]) {
    expect(picture).toMatch(/^flowchart LR\n/);
    expect(
      picture
        .trimEnd()
        .split('\n')
        .filter((each) => !line.test(each)),
    ).toEqual([]);
  }
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
])('code that the readers of blocks do not find is rejected: %j', (page) => {
  expect(readBlocks('```sh\nls\n```\n')).toEqual([{ language: 'sh', code: 'ls\n', heading: '' }]);
  expect(() => readBlocks(page)).toThrow(SyntaxError);
});

test('the page of the configuration lists each variable that the service reads', async () => {
  const source = await readFile(join(PROJECT, 'src/config.ts'), 'utf8');
  const [, schema = ''] = /z\.object\(\{\n(.*?)\n\}\)/s.exec(source) ?? [];
  const read = [...schema.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, name]) => name);
  const listed = [...(await readPage('docs/configuration.md')).matchAll(/^\| `(\w+)` \|/gm)];
  // NODE_ENV only changes the default of API_EXPLORER.
  expect([...listed.map(([, name]) => name), 'NODE_ENV'].toSorted()).toEqual(read.toSorted());
});

describe('the README’s command for the tests', () => {
  test('is the command of the pipeline', async () => {
    const ci = (await readFile(join(PROJECT, '.ci/run'), 'utf8')).split('\n');
    const [command] = ci.filter((line) => line.startsWith('npm ci'));
    expect(`${command?.split(' -- ')[0]}\n`).toBe(commands.test);
  });

  test('runs every project, and every test belongs to one', async () => {
    expect(packageFile.scripts.test).toBe('vitest run');
    const { test: options } = vitestConfig as { test: { projects: { test: { include: string[] } }[] } };
    const included = options.projects.flatMap((project) => project.test.include);
    const files = await filesOf('tests', '.test.ts');
    expect(files.filter((file) => !included.some((glob) => matchesGlob(file, glob)))).toEqual([]);
  });
});

describe('imports', () => {
  const pictures = [
    { picture: 'layers', root: 'src', filesAtRoot: 'main' },
    { picture: 'consoleLayers', root: 'src/console', filesAtRoot: 'app' },
  ] as const;

  test.for(pictures)('go in one direction through the $picture of docs/architecture.md', async (options) => {
    const { picture, root, filesAtRoot } = options;
    // Each layer may import those to its right.
    const chains = commands[picture]
      .trim()
      .split(/\s*\n\s*/)
      .slice(1)
      .map((chain) => chain.split(' --> '));
    const steps = chains.flatMap((chain) =>
      chain.slice(1).map((to, above) => ({ from: chain[above] ?? '', to })),
    );
    const below = (layer: string): ReadonlySet<string> => {
      const direct = steps.filter(({ from }) => from === layer).map(({ to }) => to);
      return new Set(direct.flatMap((to) => [to, ...below(to)]));
    };
    const layerOf = (path: string) => {
      const [folder = '', file] = relative(root, path).split('/');
      return file === undefined ? filesAtRoot : folder;
    };

    const files = [...(await filesOf(root, '.ts')), ...(await filesOf(root, '.tsx'))];
    const folders = new Set(files.map(layerOf));
    expect([...folders].toSorted()).toEqual([...new Set(chains.flat())].toSorted());

    const all = (await Promise.all(files.map(importsOf)))
      .flat()
      .filter(({ to }) => to.startsWith(`${root}/`))
      .map(({ from, to }) => ({ from: layerOf(from), to: layerOf(to), where: `${from} imports ${to}` }))
      .filter(({ from, to }) => from !== to);
    const wrong = all.filter(({ from, to }) => !below(from).has(to));
    expect(wrong.map(({ where }) => where)).toEqual([]);
    // Each layer uses the one to its right: with another order of the layers this fails.
    const unused = steps.filter((step) => !all.some(({ from, to }) => from === step.from && to === step.to));
    expect(unused).toEqual([]);
  });

  test('of a page of the console are never another page', async () => {
    const pageOf = (path: string) => /^src\/console\/pages\/([^/]+)/.exec(path)?.[1];
    const all = (await Promise.all((await filesOf('src/console/pages', '.tsx')).map(importsOf))).flat();
    expect(all.length).toBeGreaterThan(100);
    const wrong = all.filter(({ from, to }) => ![undefined, pageOf(from)].includes(pageOf(to)));
    expect(wrong).toEqual([]);
  });

  /** Returns the files of the project that a file imports. */
  async function importsOf(file: string): Promise<{ from: string; to: string }[]> {
    const text = await readFile(join(PROJECT, file), 'utf8');
    return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']*\.tsx?)'/g)].map(([, path = '']) => ({
      from: file,
      to: join(file, '..', path),
    }));
  }
});
