import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';
import { IssuerKeys } from '../../../../src/server/access/tokens/issuer-keys.ts';
import { Tokens, type TokensOptions } from '../../../../src/server/access/tokens/tokens.ts';

export const ISSUER = 'https://login.example';
export const AUDIENCE = 'https://ledger.example';
export const UNRESTRICTED = 'https://ledger.example/unrestricted';

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export async function makeSigningKey(alg = 'EdDSA'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const kid = randomUUID();
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } };
}

/** Seconds since 1970. */
export function present(): number {
  return Math.floor(Date.now() / 1000);
}

/** Claims of a token that is accepted. */
export function validClaims(): Readonly<Record<string, unknown>> {
  const now = present();
  return {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: 'user-1',
    iat: now,
    exp: now + 600,
    ledger: 'main',
    owner: 'Ana',
    scope: 'READ POST',
  };
}

/** Signs claims as they are. A claim or header of undefined is left out. */
export function sign(
  { kid, alg, privateKey }: SigningKey,
  claims: Readonly<Record<string, unknown>> = {},
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify({ ...validClaims(), ...claims })))
    .setProtectedHeader({ alg, kid, typ: 'JWT', ...header })
    .sign(privateKey);
}

/** Encodes a token of any content. */
export function encode(header: unknown, claims: unknown, signature = ''): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part(header)}.${part(claims)}.${signature}`;
}

/** An issuer that serves its keys over loopback. */
export interface Issuer {
  readonly url: string;
  keys: JWK[];
  /** Answers in another way than with the keys. */
  respond: ((response: ServerResponse) => void) | undefined;
  /** How often the keys were requested. */
  readonly reads: number;
  close(): Promise<void>;
}

export async function startIssuer(...keys: readonly SigningKey[]): Promise<Issuer> {
  let reads = 0;
  const server = createServer((_, response) => {
    reads += 1;
    if (issuer.respond !== undefined) issuer.respond(response);
    else response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: issuer.keys }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer: Issuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    keys: keys.map(({ publicJwk }) => publicJwk),
    respond: undefined,
    get reads() {
      return reads;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      if (server.listening) await once(server, 'close');
    },
  };
  return issuer;
}

/** Returns the verification of tokens whose keys are read at a URL. `problems`: the lines of the log. */
export function acceptTokens(
  url: string,
  options: Partial<TokensOptions> = {},
  problems: unknown[] = [],
): Tokens {
  const log = {
    error: (facts: unknown) => void problems.push(facts),
    warn: (line: unknown) => void problems.push(line),
  };
  return new Tokens({
    issuer: ISSUER,
    audience: AUDIENCE,
    maxAgeSeconds: 3600,
    unrestrictedClaim: UNRESTRICTED,
    keys: new IssuerKeys(new URL(url), log as never),
    recordActor: async () => {},
    ...options,
  });
}
