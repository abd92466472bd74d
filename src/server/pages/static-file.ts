import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { HttpAnswer } from '../../graphql/execution/answer.ts';

/** A text that is the same for every request. */
export interface StaticFile {
  readonly contentType: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Returns the handler of a static file, for GET and HEAD. The file is made and compressed at the first request and kept. A
 * caller that has it already receives 304.
 */
export function serveFile(
  make: () => Promise<StaticFile>,
): (request: Pick<IncomingMessage, 'headers'>) => Promise<HttpAnswer> {
  let encoded: Promise<EncodedFile> | undefined;
  return async ({ headers: requested }) => {
    encoded ??= make().then(encode);
    const { file, hash, bodies } = await encoded;
    const encoding = chooseEncoding(requested['accept-encoding']);
    const etag = `"${hash}-${encoding}"`;
    const headers = {
      etag,
      // Clients keep the file, and ask each time whether it has changed.
      'cache-control': 'no-cache',
      vary: 'accept, accept-encoding',
      ...file.headers,
    };
    if (matchesTag(requested['if-none-match'], etag)) return { status: 304, headers, body: '' };
    return {
      status: 200,
      headers: {
        ...headers,
        'content-type': file.contentType,
        ...(encoding === 'identity' ? {} : { 'content-encoding': encoding }),
      },
      body: bodies[encoding],
    };
  };
}

type Encoding = 'br' | 'gzip' | 'identity';

interface EncodedFile {
  readonly file: StaticFile;
  readonly hash: string;
  readonly bodies: Readonly<Record<Encoding, Buffer>>;
}

async function encode(file: StaticFile): Promise<EncodedFile> {
  const identity = Buffer.from(file.text);
  // At these qualities GraphiQL takes less than a second, on threads of its own.
  const [br, zipped] = await Promise.all([
    promisify(brotliCompress)(identity, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
    promisify(gzip)(identity, { level: 5 }),
  ]);
  const hash = createHash('sha256').update(identity).digest('base64url');
  return { file, hash, bodies: { br, gzip: zipped, identity } };
}

/** Returns the encoding with the smallest body that an Accept-Encoding header allows. */
function chooseEncoding(accepted = ''): Encoding {
  const weights = new Map(
    accepted.split(',').map((part): [string, number] => {
      const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith('q='));
      return [name, weight === undefined ? 1 : Number(weight.slice(2))];
    }),
  );
  const isAccepted = (name: string) => (weights.get(name) ?? weights.get('*') ?? 0) > 0;
  return (['br', 'gzip'] as const).find(isAccepted) ?? 'identity';
}

function matchesTag(ifNoneMatch: string | undefined, etag: string): boolean {
  const tags = (ifNoneMatch ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}
