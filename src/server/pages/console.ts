import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { HttpAnswer } from '../../graphql/execution/answer.ts';
import { plainText, type Route } from '../http/route.ts';
import { notice } from './notice.ts';
import { type StaticFile, serveFile } from './static-file.ts';

/** The first segments of the console's paths. The console itself finds the page. */
const SECTIONS: ReadonlySet<string> = new Set(['accounts', 'transactions', 'holds', 'move', 'admin']);

/** The longest path is /transactions/<id>/. */
const MAX_SEGMENTS = 3;

const ASSETS = '/assets/';

/** All scripts, styles and data are the service's own. There is no inline script and no inline style. */
const OWN_FILES_ONLY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Why the service has no console. */
type ConsoleAbsence = 'trusted documents' | 'not built';

/** Returns the route of a path of the console; undefined if the console has no such path. */
export type ConsoleRoutes = (path: string) => Route | undefined;

/**
 * Returns the routes of the console that was built into a folder. Its files are read at once: a build that runs later changes nothing until
 * the service is restarted. If there is no console, its pages say why.
 */
export async function openConsole(folder: string, isTrustedOnly: boolean): Promise<ConsoleRoutes> {
  const built = isTrustedOnly ? undefined : await readBuilt(folder);
  if (built === undefined) {
    const page = consoleAbsent(isTrustedOnly ? 'trusted documents' : 'not built');
    return (path) => (isPage(path) ? readOnly(() => page) : undefined);
  }
  const { index, assets } = built;
  const files = new Map(assets.map(({ name, text }) => [name, assetRoute(name, text)]));
  const pages = Array.from({ length: MAX_SEGMENTS + 1 }, (_, depth) => pageRoute(index, depth));
  return (path) => {
    if (path.startsWith(ASSETS)) return files.get(path.slice(ASSETS.length));
    return isPage(path) ? pages[depthOf(path)] : undefined;
  };
}

/** Returns the page that browsers receive instead of the console. */
function consoleAbsent(why: ConsoleAbsence): HttpAnswer {
  const [reason, steps] = ABSENT[why];
  return notice(`The console of this service is off. ${reason}`, steps);
}

const ABSENT: Readonly<Record<ConsoleAbsence, readonly [reason: string, steps: string]>> = {
  'not built': [
    'It has not been built: <code>npm ci --omit=dev</code> installs without the tools that build it.',
    'Run <code>npm ci</code>, or <code>npm run build</code> where the development dependencies are installed. Then restart the ' +
      'service. With <code>CONSOLE=0</code> the service does not serve a console. The API is at <a href="./graphql">graphql</a>.',
  ],
  'trusted documents': [
    'The service executes only the documents of its <code>TRUSTED_DOCUMENTS</code> manifest, which the documents of the console are not.',
    'To use the console, remove <code>TRUSTED_DOCUMENTS</code> and restart the service, or run another instance of the service on the ' +
      'same database without it.',
  ],
};

function isPage(path: string): boolean {
  const [, section = '', ...rest] = path.split('/');
  return path === '/' || (SECTIONS.has(section) && rest.length < MAX_SEGMENTS);
}

/** Returns the number of folders that a browser sees above the page. */
function depthOf(path: string): number {
  return path.split('/').length - 2;
}

/**
 * Serves the page, whose links are relative: they lead to the service's own files below any path prefix that a proxy removes, at every
 * depth.
 */
function pageRoute(index: string, depth: number): Route {
  const text = depth === 0 ? index : index.replaceAll('"./', `"${'../'.repeat(depth)}`);
  const file = serveFile(async () => ({
    contentType: 'text/html; charset=utf-8',
    headers: { 'content-security-policy': OWN_FILES_ONLY },
    text,
  }));
  return readOnly(file);
}

function assetRoute(name: string, text: string): Route {
  const file = async (): Promise<StaticFile> => ({
    contentType: CONTENT_TYPES[extname(name)] ?? 'application/octet-stream',
    // The name of a file changes with its content.
    headers: { 'cache-control': 'public, max-age=31536000, immutable' },
    text,
  });
  return readOnly(serveFile(file));
}

function readOnly(answer: Route): Route {
  return (request, notes) => {
    if (request.method === 'GET' || request.method === 'HEAD') return answer(request, notes);
    return plainText(405, 'Read the console by GET. The API is at /graphql.\n', { allow: 'GET, HEAD' });
  };
}

interface BuiltConsole {
  readonly index: string;
  readonly assets: readonly { readonly name: string; readonly text: string }[];
}

/** Returns the files of a folder; undefined if it has no console, or a part of one. */
async function readBuilt(folder: string): Promise<BuiltConsole | undefined> {
  try {
    const index = (await readFile(join(folder, 'index.html'), 'utf8')).trimStart();
    const names = await readdir(join(folder, 'assets'));
    const read = async (name: string) => ({
      name,
      text: await readFile(join(folder, 'assets', name), 'utf8'),
    });
    return { index, assets: await Promise.all(names.map(read)) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
