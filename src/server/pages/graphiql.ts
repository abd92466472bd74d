import type { IncomingMessage } from 'node:http';
import { CREDENTIALS_CSS, CREDENTIALS_HTML } from './credentials.ts';
import { EXAMPLE } from './example.ts';
import type { StaticFile } from './static-file.ts';

/** Returns whether a request is a browser's navigation, which expects a page. */
export function wantsPage({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  return (method === 'GET' || method === 'HEAD') && (headers.accept ?? '').includes('text/html');
}

/** Renders GraphiQL as one page that loads nothing and sends its requests to the path that it was loaded from. */
export async function renderGraphiQL(): Promise<StaticFile> {
  const { renderGraphiQL: render } = await import('@graphql-yoga/render-graphiql');
  const options = {
    ...KEEPS_NO_HEADERS,
    title: 'Transactional Ledger',
    defaultTabs: EXAMPLE.map(({ query, variables }) => ({
      query,
      variables: variables === undefined ? null : JSON.stringify(variables, null, 2),
    })),
  };
  const html = render(options);
  return {
    contentType: 'text/html; charset=utf-8',
    headers: { 'content-security-policy': ONLY_INLINE },
    text: html
      .trimStart()
      .replace('</title>', `</title>${VIEWPORT}`)
      .replace('</style>', `${TABS_STAY}${NARROW}${CREDENTIALS_CSS}</style>`)
      .replace('<div id="root">', () => `${CREDENTIALS_HTML}<div id="root">`),
  };
}

/** GraphiQL stores the text of its headers editor with the history of requests, in localStorage. It would store a key too. */
const KEEPS_NO_HEADERS = { shouldPersistHeaders: false, isHeadersEditorEnabled: false };

const VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1" />';

/** All scripts, styles, images and workers are inside the page. */
const ONLY_INLINE = [
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

/** GraphiQL moves its tabs for a moment after it has loaded. Without this rule a tab that is pressed then is not selected. */
const TABS_STAY = '.graphiql-container .graphiql-tab { transform: none !important; }';

/** On a narrow screen the response is below the request, instead of next to it. */
const NARROW = `@media (max-width: 760px) {
  .graphiql-container #graphiql-session { flex-direction: column; }
  .graphiql-container #graphiql-session > .graphiql-horizontal-drag-bar { display: none; }
  .graphiql-container .graphiql-logo { display: none; }
}`;
