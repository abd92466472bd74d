import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { HttpAnswer } from '../../graphql/execution/answer.ts';
import { EXAMPLE } from './example.ts';

/** Whether a browser asks for a page, where programs would ask for an answer. */
export function asksForPage({ method, headers }: IncomingMessage): boolean {
  return (method === 'GET' || method === 'HEAD') && (headers.accept ?? '').includes('text/html');
}

/**
 * Makes the handler of GraphiQL's page, which sends its requests to the path that it was loaded from. The page is large: it
 * is rendered and compressed when it is first asked for, and kept.
 */
export function createGraphiQL(): (request: IncomingMessage) => Promise<HttpAnswer> {
  let rendered: Promise<Page> | undefined;
  return async ({ headers: asked }) => {
    rendered ??= renderPage();
    const { hash, bodies } = await rendered;
    const encoding = chooseEncoding(asked['accept-encoding']);
    const etag = `"${hash}-${encoding}"`;
    const headers = {
      etag,
      // Kept, and asked for again each time, at the cost of an answer without a body.
      'cache-control': 'no-cache',
      vary: 'accept, accept-encoding',
      'content-security-policy': NOTHING_FROM_ELSEWHERE,
    };
    if (namesTag(asked['if-none-match'], etag)) return { status: 304, headers, body: '' };
    return {
      status: 200,
      headers: {
        ...headers,
        'content-type': 'text/html; charset=utf-8',
        ...(encoding === 'identity' ? {} : { 'content-encoding': encoding }),
      },
      body: bodies[encoding],
    };
  };
}

type Encoding = 'br' | 'gzip' | 'identity';

interface Page {
  readonly hash: string;
  readonly bodies: Readonly<Record<Encoding, Buffer>>;
}

/** The page's scripts, styles, pictures and workers are all in the page. */
const NOTHING_FROM_ELSEWHERE = [
  "default-src 'none'",
  "connect-src 'self'",
  "script-src 'unsafe-inline' blob:",
  'worker-src blob:',
  "style-src 'unsafe-inline'",
  'img-src data:',
  'font-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * GraphiQL animates its tabs to their places and only seems to be done: the one that is pressed jumps aside, and is not
 * chosen.
 */
const TABS_STAY = '.graphiql-container .graphiql-tab { transform: none !important; }';

async function renderPage(): Promise<Page> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  const html = renderGraphiQL({
    title: 'Transactional Ledger',
    defaultTabs: EXAMPLE.map(({ query, variables }) => ({
      query,
      variables: variables === undefined ? null : JSON.stringify(variables, null, 2),
    })),
  });
  const identity = Buffer.from(html.replace('</style>', `${TABS_STAY}</style>`));
  // Qualities that take less than a second, on threads of their own.
  const [br, zipped] = await Promise.all([
    promisify(brotliCompress)(identity, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
    promisify(gzip)(identity, { level: 5 }),
  ]);
  const hash = createHash('sha256').update(identity).digest('base64url');
  return { hash, bodies: { br, gzip: zipped, identity } };
}

/** The smallest body that the caller takes. */
function chooseEncoding(accepted = ''): Encoding {
  const takes = new Map(
    accepted.split(',').map((part): [string, number] => {
      const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith('q='));
      return [name, weight === undefined ? 1 : Number(weight.slice(2))];
    }),
  );
  const isTaken = (name: string) => (takes.get(name) ?? takes.get('*') ?? 0) > 0;
  return (['br', 'gzip'] as const).find(isTaken) ?? 'identity';
}

function namesTag(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}
