/** The page or worker that this runs in; none in Node.js. */
function here(): { readonly href: string; readonly origin: string } | undefined {
  const { location } = globalThis as {
    readonly location?: { readonly href: string; readonly origin: string };
  };
  return location;
}

/**
 * The absolute URL of the GraphQL endpoint. In a page a path such as `/graphql` is one of its own origin.
 *
 * @throws TypeError where it is no URL that requests can be sent to.
 */
export function endpointOf(given: string): string {
  const text = String(given);
  const said = `The client's url ${JSON.stringify(text)}`;
  let url: URL;
  try {
    url = new URL(text, /^[/.]/.test(text) ? here()?.href : undefined);
  } catch {
    throw new TypeError(`${said} is not a URL. Give that of the GraphQL endpoint, such as "${EXAMPLE}".`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TypeError(`${said} must begin with http:// or https://, as "${EXAMPLE}" does.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError(
      "The client's url must not contain a user name or password, which fetch does not take. Send them as a header: " +
        '{ headers: { authorization: … } }.',
    );
  }
  return url.href;
}

const EXAMPLE = 'http://127.0.0.1:4000/graphql';

/** The origin of the page, where it is another than the endpoint's, so that a browser asks the service before it sends. */
export function foreignOrigin(endpoint: string): string | undefined {
  const origin = here()?.origin;
  return origin === new URL(endpoint).origin ? undefined : origin;
}
