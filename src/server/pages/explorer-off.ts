import type { HttpAnswer } from '../../graphql/execution/answer.ts';

/** Returns the page that a browser receives at the endpoint while the explorer is off. */
export function explorerOffPage(hasTrustedDocuments: boolean): HttpAnswer {
  const [why, steps] = hasTrustedDocuments ? TRUSTED_ONLY : TURNED_OFF;
  return {
    status: 404,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy':
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      vary: 'accept',
    },
    body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>Transactional Ledger</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }
</style>
</head>
<body>
<h1>Transactional Ledger</h1>
<p>This is the endpoint of a GraphQL API. ${why}</p>
<p>${steps}</p>
<p>Programs send requests to this address: POST, with the header <code>content-type: application/json</code>.</p>
</body>
</html>
`,
  };
}

const TURNED_OFF = [
  'GraphiQL, introspection and <code>/schema.graphql</code> are off. This is the default with <code>NODE_ENV=production</code>.',
  'To turn them on, set <code>API_EXPLORER=1</code> and restart the service.',
] as const;

const TRUSTED_ONLY = [
  'The service executes only the documents of its <code>TRUSTED_DOCUMENTS</code> manifest, so GraphiQL, introspection and ' +
    '<code>/schema.graphql</code> are off.',
  'To turn them on, remove <code>TRUSTED_DOCUMENTS</code>, set <code>API_EXPLORER=1</code> and restart the service.',
] as const;
