import { createHmac } from 'node:crypto';
import { CompactSign, exportSPKI, importJWK, UnsecuredJWT } from 'jose';
import { afterAll, describe, expect, test } from 'vitest';
import { actorId } from '../../../../src/core/access/actor.ts';
import { formatId } from '../../../../src/core/values/ids.ts';
import { asOwner, createTestDatabase } from '../../../support/database.ts';
import { balance, expectSoundBooks, makeAccount, openLedger } from '../../../support/ledger.ts';
import { asking, exchange, type Received, type Sent } from '../../http/exchange.ts';
import { compare, serveAllWays } from '../../http/ways.ts';
import { bearer, makeKey, makeLedger } from '../keys.ts';
import {
  AUDIENCE,
  acceptTokens,
  encode,
  ISSUER,
  makeSigningKey,
  present,
  type SigningKey,
  sign,
  startIssuer,
  UNRESTRICTED,
  validClaims,
} from './issuer.ts';

const [eddsa, es256, rs256, ps256, stranger] = (await Promise.all(
  ['EdDSA', 'ES256', 'RS256', 'PS256', 'EdDSA'].map((alg) => makeSigningKey(alg)),
)) as [SigningKey, SigningKey, SigningKey, SigningKey, SigningKey];
/** Algorithms that are not accepted, with keys that the issuer publishes. */
const [es512, rs512] = (await Promise.all(['ES512', 'RS512'].map((alg) => makeSigningKey(alg)))) as [
  SigningKey,
  SigningKey,
];
const SYMMETRIC = { kty: 'oct', k: Buffer.alloc(32, 7).toString('base64url') };
const issuer = await startIssuer(eddsa, es256, rs256, ps256, es512, rs512);
issuer.keys.push(
  { ...SYMMETRIC, kid: 'shared', alg: 'HS256' },
  { ...SYMMETRIC, kid: 'shared-as-eddsa', alg: 'EdDSA' },
);
afterAll(() => issuer.close());

const database = await createTestDatabase();
const main = await openLedger(database);
await makeLedger(main, 'eu');
const urls = await serveAllWays(main, {
  tokens: acceptTokens(issuer.url, {
    recordActor: (from, subject) => main.engine.access.recordTokenActor(from, subject),
  }),
});
afterAll(() => expectSoundBooks(database));

const VIEWER = '{ viewer { actor { id kind name } scopes owner ledger { name } } }';
const WHO = '{ viewer { scopes owner } }';
const NAME = '{ ledger { name } }';

/** The request on the fast path, and by GET, which Yoga answers. */
const METHODS: readonly (readonly [
  method: string,
  path: (query: string) => string,
  sent: (query: string) => Sent,
])[] = [
  ['POST', () => '/graphql', (query) => asking(query)],
  ['GET', (query) => `/graphql?query=${encodeURIComponent(query)}`, () => ({ method: 'GET' })],
];

async function ask(token: string, query = WHO, headers: Sent['headers'] = {}): Promise<Received> {
  let last: Received | undefined;
  for (const [, path, sent] of METHODS) {
    const request = sent(query);
    const received = await compare(
      urls,
      { ...request, headers: { ...request.headers, ...bearer(token), ...headers } },
      path(query),
    );
    if (last !== undefined) expect([received.status, received.body]).toEqual([last.status, last.body]);
    last = received;
  }
  return last as Received;
}

async function expectRejected(token: string, hint: RegExp): Promise<void> {
  const { status, headers, body } = await ask(token);
  expect([status, body]).toEqual([401, expect.any(String)]);
  expect(headers['www-authenticate']).toBe('Bearer realm="ledger"');
  const { errors, ...rest } = JSON.parse(body);
  expect(rest).toEqual({});
  expect(errors).toEqual([{ message: expect.stringMatching(hint), extensions: { code: 'UNAUTHENTICATED' } }]);
  expect(errors[0].message).toMatch(/ Nothing was done\.$/);
  for (const part of token.split('.')) {
    if (part.length > 8) expect(body).not.toContain(part);
  }
}

async function expectAccepted(token: string, answer: object): Promise<void> {
  const { status, body } = await ask(token);
  expect([status, JSON.parse(body)]).toEqual([200, { data: { viewer: answer } }]);
}

type Fields = Readonly<Record<string, unknown>>;

/** Completes rows of a table: a name, claims, what to expect, and headers. */
function rows<T>(table: readonly (readonly [string, Fields, T, Fields?])[]) {
  return table.map(([name, claims, expected, header = {}]) => [name, claims, expected, header] as const);
}

describe('a valid token', () => {
  test.each([
    ['EdDSA', eddsa],
    ['ES256', es256],
    ['RS256', rs256],
    ['PS256', ps256],
  ])('signed with %s is accepted, and says who asks and for which ledger', async (_, key) => {
    const { status, body } = await ask(await sign(key, { ledger: 'eu' }), VIEWER);
    expect([status, JSON.parse(body)]).toEqual([
      200,
      {
        data: {
          viewer: {
            actor: {
              id: formatId('actor', actorId('TOKEN', ISSUER, 'user-1')),
              kind: 'TOKEN',
              name: 'user-1',
            },
            scopes: ['READ', 'POST'],
            owner: 'Ana',
            ledger: { name: 'eu' },
          },
        },
      },
    ]);
  });

  const RESTRICTED = { scopes: ['READ', 'POST'], owner: 'Ana' };
  const ALL = { scopes: ['READ', 'POST', 'MANAGE', 'ADMIN'], owner: null };
  test.each(
    rows<object>([
      ['of the type at+jwt', {}, RESTRICTED, { typ: 'at+jwt' }],
      ['of the type application/at+JWT', {}, RESTRICTED, { typ: 'application/at+JWT' }],
      ['without a type', {}, RESTRICTED, { typ: undefined }],
      ['for several audiences', { aud: ['https://other.example', AUDIENCE] }, RESTRICTED],
      ['without iat', { iat: undefined }, RESTRICTED],
      ['that expired within the tolerance', { iat: present() - 60, exp: present() - 10 }, RESTRICTED],
      ['that is valid within the tolerance', { nbf: present() + 20, iat: present() + 20 }, RESTRICTED],
      [
        'with scopes of others',
        { scope: 'openid  READ profile read ADMINISTER' },
        { scopes: ['READ'], owner: 'Ana' },
      ],
      [
        'with another owner, of which this one is a prefix',
        { owner: 'Ana Lisa' },
        { ...RESTRICTED, owner: 'Ana Lisa' },
      ],
      ['with a prefix of another owner', { owner: 'An' }, { ...RESTRICTED, owner: 'An' }],
      [
        'with an owner of 255 bytes',
        { owner: `${'é'.repeat(127)}x` },
        { ...RESTRICTED, owner: `${'é'.repeat(127)}x` },
      ],
      [
        'with an owner like a property of objects',
        { owner: '__proto__' },
        { ...RESTRICTED, owner: '__proto__' },
      ],
      [
        'without an owner, with the claim for that',
        { owner: undefined, [UNRESTRICTED]: true, scope: 'ADMIN MANAGE POST READ' },
        ALL,
      ],
      ['with an owner and the claim for none, which stays restricted', { [UNRESTRICTED]: true }, RESTRICTED],
      ['with an owner and without the right to have none', { [UNRESTRICTED]: false }, RESTRICTED],
    ]),
  )('%s is accepted', async (_, claims, answer, header) => {
    await expectAccepted(await sign(eddsa, claims, header), answer);
  });

  test.each([
    ['none', undefined],
    ['an empty one', ''],
    ['only unknown ones', 'openid email'],
  ])('with %s as scope may ask who it is, and nothing else', async (_, scope) => {
    const token = await sign(eddsa, { scope });
    await expectAccepted(token, { scopes: [], owner: 'Ana' });
    const { body } = await ask(token, NAME);
    expect(JSON.parse(body)).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
  });

  test('may name its own ledger by x-ledger, and learns of no other', async () => {
    const token = await sign(eddsa, { ledger: 'eu' });
    expect((await ask(token, WHO, { 'x-ledger': 'eu' })).status).toBe(200);
    const [existing, missing] = [
      await ask(token, WHO, { 'x-ledger': 'main' }),
      await ask(token, WHO, { 'x-ledger': 'mars' }),
    ];
    expect([existing.status, existing.body]).toEqual([403, missing.body]);
    expect(existing.body).toMatch(/The token is for the ledger \\"eu\\" only.*FORBIDDEN/);
  });
});

describe('a token is rejected', () => {
  test('without a signature (alg none)', async () => {
    const unsecured = new UnsecuredJWT({ ...validClaims() }).encode();
    await expectRejected(unsecured, /algorithm/);
    for (const alg of ['None', 'NONE', 'nOnE']) {
      await expectRejected(encode({ alg, kid: eddsa.kid }, validClaims()), /algorithm/);
    }
  });

  test('that is signed as HS256 with a public key as the secret', async () => {
    const pem = await exportSPKI((await importJWK(rs256.publicJwk, 'RS256', { extractable: true })) as never);
    for (const secret of [
      pem,
      rs256.publicJwk.n ?? '',
      eddsa.publicJwk.x ?? '',
      JSON.stringify(rs256.publicJwk),
    ]) {
      for (const kid of [rs256.kid, undefined]) {
        const text = encode({ alg: 'HS256', kid, typ: 'JWT' }, validClaims());
        const signature = createHmac('sha256', secret).update(text.slice(0, -1)).digest('base64url');
        await expectRejected(text + signature, /algorithm/);
      }
    }
  });

  test('that is signed with a symmetric key of the set', async () => {
    for (const [alg, kid] of [
      ['HS256', 'shared'],
      ['EdDSA', 'shared-as-eddsa'],
    ] as const) {
      const text = encode({ alg, kid, typ: 'JWT' }, validClaims());
      const signature = createHmac('sha256', Buffer.alloc(32, 7))
        .update(text.slice(0, -1))
        .digest('base64url');
      await expectRejected(text + signature, /algorithm|does not have/);
    }
  });

  test.each([
    ['ES512', es512],
    ['RS512', rs512],
  ])('that is signed with %s', async (_, key) => {
    await expectRejected(await sign(key), /algorithm/);
  });

  test('that somebody else signed, also with the name or the text of a key in its header', async () => {
    await expectRejected(await sign(stranger), /kid/);
    await expectRejected(await sign({ ...stranger, kid: eddsa.kid }), /wrong signature/);
    for (const header of [{ jwk: stranger.publicJwk }, { jku: issuer.url }, { x5u: issuer.url }]) {
      await expectRejected(await sign({ ...stranger, kid: eddsa.kid }, {}, header), /wrong signature/);
    }
  });

  test('whose claims or signature were changed', async () => {
    const [head, , signature] = (await sign(eddsa)).split('.');
    const claims = Buffer.from(JSON.stringify({ ...validClaims(), owner: 'Ben' })).toString('base64url');
    await expectRejected(`${head}.${claims}.${signature}`, /wrong signature/);
    await expectRejected(`${head}.${claims}.`, /wrong signature/);
  });

  test.each([
    ['one part', 'eyJhbGciOiJFZERTQSJ9'],
    ['two parts', 'eyJhbGciOiJFZERTQSJ9.e30'],
    ['four parts', 'eyJhbGciOiJFZERTQSJ9.e30.x.x'],
    ['a header that is no JSON', 'eyJhb.e30.xxxx'],
    ['other characters', 'eyJhbGciOiJFZERTQSJ9.e30.*'],
    ['no text', ''],
    ['a space', ' '],
    ['text', 'let me in'],
  ])('that has %s', (_, text) => expectRejected(text, /malformed|wrong signature|cannot be verified/));

  test('whose payload is no object', async () => {
    for (const payload of ['[]', '"x"', 'null', '{', '', '\u00ff']) {
      const token = await new CompactSign(Buffer.from(payload, 'latin1'))
        .setProtectedHeader({ alg: 'EdDSA', kid: eddsa.kid })
        .sign(eddsa.privateKey);
      await expectRejected(token, /malformed/);
    }
  });

  const TEN_YEARS = 10 * 365 * 24 * 3600;
  const now = present();
  test.each(
    rows<RegExp>([
      ['from another issuer', { iss: 'https://evil.example' }, /"iss"/],
      ['from an issuer with a slash more', { iss: `${ISSUER}/` }, /"iss"/],
      ['without an issuer', { iss: undefined }, /no claim "iss"/],
      ['with several issuers', { iss: [ISSUER] }, /"iss"/],
      ['for another audience', { aud: 'https://other.example' }, /"aud"/],
      ['for no audience', { aud: undefined }, /no claim "aud"/],
      ['for an empty list of audiences', { aud: [] }, /"aud"/],
      ['of another type', {}, /"typ"/, { typ: 'id_token+jwt' }],
      ['of the type of a logout', {}, /"typ"/, { typ: 'logout+jwt' }],
      ['of a type that is no text', {}, /"typ"/, { typ: ['JWT'] }],
      ['of a type that is null', {}, /"typ"/, { typ: null }],
      ['without exp', { exp: undefined }, /no claim "exp"/],
      ['that has expired', { iat: now - 600, exp: now - 31 }, /has expired/],
      ['that expired at the beginning of time', { iat: undefined, exp: 0 }, /has expired/],
      ['that expires in ten years', { exp: now + TEN_YEARS }, /valid for too long: at most 3600 seconds/],
      [
        'that expires in ten years, without iat',
        { iat: undefined, exp: now + TEN_YEARS },
        /valid for too long/,
      ],
      ['that expires never', { iat: undefined, exp: 1e308 }, /valid for too long/],
      [
        'that was issued for more than an hour, of which less is left',
        { iat: now - 3000, exp: now + 700 },
        /too long/,
      ],
      ['with exp as text', { exp: `${now + 600}` }, /"exp"/],
      ['with exp as null', { exp: null }, /"exp"/],
      ['that is not valid yet', { nbf: now + 60 }, /not valid yet/],
      ['with nbf as text', { nbf: `${now}` }, /"nbf"|not valid yet/],
      ['that was issued in the future', { iat: now + 60, exp: now + 600 }, /in the future/],
      ['with iat as text', { iat: `${now}` }, /"iat"/],
      ['without sub', { sub: undefined }, /no claim "sub"/],
      ['with an empty sub', { sub: '' }, /"sub": it must not be empty/],
      ['with sub as number', { sub: 7 }, /"sub": it must be a text/],
      ['with NUL in sub', { sub: 'a\0b' }, /"sub".*NUL/],
      ['with a sub of 256 bytes', { sub: 'é'.repeat(128) }, /"sub".*at most 255 bytes/],
      ['with half a surrogate pair in sub', { sub: 'a\ud800' }, /"sub".*surrogate/],
      ['without ledger', { ledger: undefined }, /no claim "ledger"/],
      ['with ledger as list', { ledger: ['main'] }, /"ledger"/],
      ['with ledger as null', { ledger: null }, /"ledger"/],
      ['with no name of a ledger', { ledger: 'Main' }, /"ledger"/],
      ['for a ledger that does not exist', { ledger: 'mars' }, /ledger that does not exist/],
      ['with scope as list', { scope: ['READ', 'POST'] }, /"scope": it must be a text/],
      ['with scope as null', { scope: null }, /"scope"/],
      ['with scope as object', { scope: { READ: true } }, /"scope"/],
      ['without owner', { owner: undefined }, /no claim "owner"/],
      ['with owner as number', { owner: 7 }, /"owner": it must be a text/],
      ['with owner as null', { owner: null, [UNRESTRICTED]: true }, /"owner"/],
      ['with owner as list', { owner: ['Ana'] }, /"owner"/],
      ['with an empty owner', { owner: '' }, /"owner": it must not be empty/],
      ['with NUL in owner', { owner: 'Ana\0' }, /"owner".*NUL/],
      ['with an owner of 256 bytes', { owner: 'x'.repeat(256) }, /"owner".*at most 255 bytes/],
      ['with half a surrogate pair in owner', { owner: '\udc00Ana' }, /"owner".*surrogate/],
      ['with the owner external', { owner: 'external' }, /"owner".*external/],
      [
        'with the owner external and the claim for none',
        { owner: 'external', [UNRESTRICTED]: true },
        /external/,
      ],
      ['with an owner and MANAGE', { scope: 'READ MANAGE' }, /MANAGE or ADMIN/],
      ['with an owner and ADMIN', { scope: 'ADMIN', [UNRESTRICTED]: true }, /MANAGE or ADMIN/],
      [
        'with the claim for no owner as text',
        { owner: undefined, [UNRESTRICTED]: 'true' },
        /must be true or false/,
      ],
      [
        'with the claim for no owner as number',
        { owner: undefined, [UNRESTRICTED]: 1 },
        /must be true or false/,
      ],
      [
        'with the claim for no owner as null',
        { owner: undefined, [UNRESTRICTED]: null },
        /must be true or false/,
      ],
      [
        'with the claim for no owner as false',
        { owner: undefined, [UNRESTRICTED]: false },
        /no claim "owner"/,
      ],
      ['with another claim for no owner', { owner: undefined, unrestricted: true }, /no claim "owner"/],
    ]),
  )('%s', async (_, claims, hint, header) => {
    await expectRejected(await sign(eddsa, claims, header), hint);
  });

  test('without an owner, if no claim permits that', async () => {
    const tokens = acceptTokens(issuer.url, { unrestrictedClaim: null });
    const token = await sign(eddsa, { owner: undefined, [UNRESTRICTED]: true, null: true });
    expect(await tokens.authenticate(token)).toEqual({ problem: 'has no claim "owner".' });
  });

  test('of 1 MB, before it is read', async () => {
    const token = await sign(eddsa, { padding: 'x'.repeat(2 ** 20) });
    const { status } = await exchange(`${urls.fast}/graphql`, asking(WHO, {}, bearer(token)));
    expect(status).toBe(431);
    expect(await exchange(`${urls.fast}/graphql`, asking(WHO, {}, bearer(await sign(eddsa))))).toMatchObject({
      status: 200,
    });
  });
});

test('a rejected token moves no money', async () => {
  const accountId = await makeAccount(main, { owner: 'Ana' });
  const pay = asking('mutation ($i: DepositInput!) { deposit(input: $i) { __typename } }', {
    variables: { i: { accountId, amount: '1', idempotencyKey: 'one' } },
  });
  for (const token of [await sign(stranger), await sign(eddsa, { owner: undefined }), 'x']) {
    const answer = await compare(urls, { ...pay, headers: { ...pay.headers, ...bearer(token) } });
    expect(answer.status).toBe(401);
  }
  expect(await balance(main, accountId)).toBe(0n);
});

test('a request without a credential is rejected although no API key exists', async () => {
  for (const [, path, sent] of METHODS) {
    const { status, body } = await compare(urls, sent(NAME), path(NAME));
    expect(status).toBe(401);
    expect(body).toMatch(/neither an API key nor a token\. Send an API key or a token/);
  }
});

test.each([
  ['a parameter', (token: string) => `/graphql?query=${encodeURIComponent(WHO)}&token=${token}`],
  ['a path', (token: string) => `/graphql/${token}`],
  ['percent-encoded dots', (token: string) => `/livez?key=${token.replaceAll('.', '%2E')}`],
  ['percent-encoded letters', (token: string) => `/livez?key=%65yJ${token.slice(3)}`],
  ['an encoded variable', (token: string) => `/graphql?variables=%7B%22t%22%3A%22${token}%22%7D`],
])('a token in a URL is rejected in %s', async (_, pathOf) => {
  const token = await sign(eddsa);
  for (const sent of [{ method: 'GET' }, asking(WHO, {}, bearer(token))]) {
    const { status, body } = await compare(urls, sent, pathOf(token));
    expect([status, body]).toEqual([400, expect.stringContaining('The URL contains a token')]);
    expect(body).not.toContain(token.slice(-40));
  }
});

test('the actor of a token is in the database before the first request that can write', async () => {
  const subjects = {
    reader: 'READ openid',
    payer: 'POST',
    both: 'READ POST',
    'a"\\\u001f\u007f\u2028é😀': 'POST',
  };
  for (const [sub, scope] of Object.entries(subjects)) {
    expect((await ask(await sign(eddsa, { sub, scope }))).status).toBe(200);
  }
  const rows = await asOwner<{ subject: string; issuer: string }>(
    database,
    `select subject, issuer from actors where kind = 'TOKEN' and not subject = 'user-1'`,
  );
  const recorded = Object.keys(subjects).filter((sub) => sub !== 'reader');
  expect(rows.map(({ subject }) => subject).sort()).toEqual(recorded.sort());
  expect(new Set(rows.map((row) => row.issuer))).toEqual(new Set([ISSUER]));
});

test('API keys stay valid beside tokens, and are rejected as without them', async () => {
  const { secret } = await makeKey(main);
  const { body } = await ask(secret);
  expect(JSON.parse(body)).toMatchObject({ data: { viewer: { owner: null } } });
  for (const [text, hint] of [
    [secret.slice(0, -1), /The API key is malformed/],
    [` ${secret}`, /The API key is malformed/],
    [secret.replace(/^tlsk_.{26}/, `tlsk_${'0'.repeat(26)}`), /The API key is unknown/],
  ] as const) {
    const { status, body } = await ask(text);
    expect([status, body]).toEqual([401, expect.stringMatching(hint)]);
  }
});
