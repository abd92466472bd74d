import { plainText, type Route } from '../http/route.ts';
import { wantsPage } from './graphiql.ts';
import { notice } from './notice.ts';

/** Returns the route of paths that the service does not have. A browser receives links to the console, if it is served, and to the API. */
export function notFoundRoute(hasConsole: boolean): Route {
  return (request) => {
    if (!hasConsole || !wantsPage(request)) return plainText(404, 'Not found. The API is at /graphql.\n');
    const root = rootFrom(request.url ?? '');
    return notice(
      'Not found: the service has nothing at this address.',
      `Open <a href="${root}">the console</a>. The API is at <a href="${root}graphql">graphql</a>.`,
    );
  };
}

/** Returns the relative link from a path to the service's root, which may be below a prefix that a proxy removes. */
function rootFrom(url: string): string {
  const [path = ''] = url.split('?', 1);
  const folders = path.split('/').length - 2;
  return folders > 0 ? '../'.repeat(folders) : './';
}
