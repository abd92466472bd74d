import type { HttpAnswer } from '../../graphql/execution/answer.ts';

/** Returns a page of two paragraphs, in HTML, that says why the expected page is not there. */
export function notice(why: string, steps: string, after = ''): HttpAnswer {
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
<p>${why}</p>
<p>${steps}</p>
${after}</body>
</html>
`,
  };
}
