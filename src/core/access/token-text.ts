/** Three parts in base64url, of which the first begins as a JSON object does. The third is empty in an unsigned token. */
const TOKEN = /(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]*/;

/** Whether a text contains a JSON Web Token, valid or not. */
export function looksLikeToken(text: string): boolean {
  return TOKEN.test(text);
}
