import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const PROJECT = join(import.meta.dirname, '../..');

/** A code block that a test runs, with the output that the page shows. */
export interface Example {
  /** sh runs in a shell; js and json are files that the page names; ts and python are programs. */
  readonly language: 'sh' | 'js' | 'json' | 'ts' | 'python';
  readonly code: string;
  /** The `text` block that follows it. */
  readonly output: string | undefined;
  /** The file name that ends the paragraph before it. */
  readonly file: string | undefined;
  /** The heading of its section, and its line. */
  readonly title: string;
}

/** Returns all fenced blocks of a Markdown page in order. Throws if a block has an unknown language. */
export function readExamples(page: string): Example[] {
  const examples: Example[] = [];
  const lines = page.split('\n');
  let heading = '';
  let before = '';
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (!/^\s*(```|~~~)/.test(line)) {
      if (line.startsWith('#')) heading = line.replace(/^#+ /, '');
      if (line !== '') before = line;
      continue;
    }
    const end = lines.indexOf('```', at + 1);
    const title = `${heading}, line ${at + 1}`;
    const language = /^```(\w+)$/.exec(line)?.[1];
    if (end < 0) throw new SyntaxError(`${title}: the block is not closed`);
    const code = `${lines.slice(at + 1, end).join('\n')}\n`;
    at = end;
    if (language === 'text') {
      const last = examples.at(-1);
      if (last === undefined || last.output !== undefined || before !== '') {
        throw new SyntaxError(`${title}: an output must follow directly after the code that prints it`);
      }
      examples[examples.length - 1] = { ...last, output: code };
    } else if (isLanguage(language)) {
      const file = /.*`([\w.-]+\.\w+)`:$/.exec(before)?.[1];
      examples.push({ language, code, output: undefined, file, title });
    } else throw new SyntaxError(`${title}: no test runs ${line}`);
    before = '';
  }
  return examples;
}

function isLanguage(name: string | undefined): name is Example['language'] {
  return ['sh', 'js', 'json', 'ts', 'python'].some((language) => language === name);
}

/** Returns the environment of an example: this Node.js first in PATH, npm without a network, no settings of the tests. */
export function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|NODE_OPTIONS|VITEST|INIT_CWD)/.test(name),
  );
  return {
    ...Object.fromEntries(own),
    PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
    npm_config_offline: 'true',
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
  };
}

/** Runs a program and returns its standard output. Throws, with all output, if its status is not 0. */
export async function run(cwd: string, program: string, ...args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)(program, args, { cwd, env: environment() })).stdout;
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { readonly stdout: string; readonly stderr: string };
    throw new Error(`${message}\n${stdout}\n${stderr}`);
  }
}

/** A shell that keeps its working directory between blocks. */
export class Shell {
  #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get folder(): string {
    return this.#folder;
  }

  async run(code: string): Promise<string> {
    const printed = await run(this.#folder, 'sh', '-euc', `${code}\nprintf '\\0'\npwd`);
    const [output = '', folder = ''] = printed.split('\0');
    this.#folder = folder.trimEnd();
    return output;
  }
}

/** Copies the sources that `npm run build` builds to a folder, so that a build there does not change the project. */
export async function copyProject(folder: string): Promise<void> {
  for (const name of [
    'package.json',
    'schema.graphql',
    'tsconfig.json',
    'tsconfig.client.json',
    'scripts',
    'src/client',
    'src/console',
  ]) {
    await cp(join(PROJECT, name), join(folder, name), { recursive: true });
  }
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules'));
}

/** Links packages of the project into a folder, as if they were installed there. */
export async function linkPackages(folder: string, packages: readonly string[]): Promise<void> {
  for (const path of packages) {
    const link = join(folder, 'node_modules', path);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(PROJECT, 'node_modules', path), link);
  }
}

/** Returns the text of a page by its path relative to the project. */
export function readPage(path: string): Promise<string> {
  return readFile(join(PROJECT, path), 'utf8');
}

/** Compiles all TypeScript of a folder with strict options. Throws the errors of the compiler. */
export async function compile(folder: string): Promise<void> {
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023', 'dom', 'dom.asynciterable'],
    module: 'nodenext',
    types: ['node'],
    typeRoots: [join(PROJECT, 'node_modules/@types')],
    noEmit: true,
    allowImportingTsExtensions: true,
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noImplicitReturns: true,
    noPropertyAccessFromIndexSignature: true,
    noUnusedLocals: true,
    verbatimModuleSyntax: true,
    isolatedModules: true,
    erasableSyntaxOnly: true,
    skipLibCheck: true,
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  await run(folder, join(PROJECT, 'node_modules/.bin/tsc'), '-p', '.');
}
