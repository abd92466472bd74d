import { withoutSecrets } from './identity.ts';

/** Returns the location of the page or worker; undefined in Node.js. */
function pageLocation(): { readonly href: string; readonly origin: string } | undefined {
  const { location } = globalThis as {
    readonly location?: { readonly href: string; readonly origin: string };
  };
  return location;
}

/**
 * Returns the absolute URL of the GraphQL endpoint. A path such as `/graphql` is resolved against the page's URL.
 *
 * @throws TypeError if no request can be sent to the URL.
 */
export function endpointOf(given: string): string {
  const text = String(given);
  if (withoutSecrets(text) !== text) {
    throw new TypeError(
      "The client's url must not contain an API key or a token: pass it as the option apiKey or token.",
    );
  }
  const subject = `The client's url ${JSON.stringify(text)}`;
  let url: URL;
  try {
    url = new URL(text, /^[/.]/.test(text) ? pageLocation()?.href : undefined);
  } catch {
    throw new TypeError(
      `${subject} is not a URL. Give the URL of the GraphQL endpoint, such as "${EXAMPLE}".`,
    );
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new TypeError(`${subject} must begin with http:// or https://, such as "${EXAMPLE}".`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError(
      "The client's url must not contain a user name or password, because fetch rejects them. Send them as a header: " +
        '{ headers: { authorization: … } }.',
    );
  }
  return url.href;
}

const EXAMPLE = 'http://127.0.0.1:4000/graphql';

/** Returns the page's origin if it differs from the endpoint's. The browser then needs the service's permission for a request. */
export function foreignOrigin(endpoint: string): string | undefined {
  const origin = pageLocation()?.origin;
  return origin === new URL(endpoint).origin ? undefined : origin;
}
