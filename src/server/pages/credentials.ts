/**
 * Fields above GraphiQL for an API key or a token, and for the ledger. They are headers of each request of the page. The credential is
 * in the field only: nothing stores it, and a reload forgets it.
 */
export const CREDENTIALS_HTML = `<header id="credentials">
<label>API key or token
  <input id="api-key" type="password" autocomplete="off" spellcheck="false" placeholder="tlsk_… or eyJ…" size="30" />
</label>
<label>Ledger
  <input id="ledger" autocomplete="off" autocapitalize="off" spellcheck="false" placeholder="main" size="12" />
</label>
<output id="credentials-note" for="api-key ledger"></output>
</header>
<script>
{
  const [key, ledger, note] = ['api-key', 'ledger', 'credentials-note'].map((id) => document.getElementById(id));
  const IDLE = 'The key or token is not stored. A reload forgets it.';
  note.value = IDLE;
  const { fetch } = window;
  window.fetch = async (target, init) => {
    const headers = new Headers(init?.headers);
    if (key.value.trim() !== '') headers.set('authorization', 'Bearer ' + key.value.trim());
    if (ledger.value.trim() !== '') headers.set('x-ledger', ledger.value.trim());
    const response = await fetch(target, { ...init, headers });
    note.value = response.status === 401 ? 'The service requires a valid API key or token.' : IDLE;
    return response;
  };
  // GraphiQL reads the schema when it starts, which fails without a key where the service requires one.
  const readSchema = () => document.querySelector('[aria-label^="Re-fetch GraphQL schema"]')?.click();
  for (const field of [key, ledger]) field.addEventListener('change', readSchema);
}
</script>`;

/** The colours are those of GraphiQL, which has a light and a dark theme. */
export const CREDENTIALS_CSS = `
body { display: flex; flex-direction: column; height: 100vh; }
#root { flex: 1; min-height: 0; }
.graphiql-container { height: 100%; width: 100%; }
#credentials {
  color-scheme: light dark;
  display: flex; flex-wrap: wrap; align-items: center; gap: 4px 16px; padding: 8px 16px;
  font: 14px/1.5 Roboto, system-ui, sans-serif;
  background: light-dark(#fff, hsl(219 29% 18%)); color: light-dark(hsl(219 28% 32%), hsl(219 29% 78%));
}
body.graphiql-light #credentials { color-scheme: light; }
body.graphiql-dark #credentials { color-scheme: dark; }
#credentials input { font: inherit; margin-left: 4px; }`;
