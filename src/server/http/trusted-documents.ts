import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { GraphQLError, NoSchemaIntrospectionCustomRule, parse, specifiedRules, validate } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { z } from 'zod';
import { parseJson } from '../../core/values/json.ts';
import { requestRefused } from '../../graphql/execution/answer.ts';
import { checkDocument, checkText } from '../../graphql/protection/document-limits.ts';
import { schema } from '../../graphql/schema.ts';

/** The manifest cannot be used. The message is one line: the file, what is wrong with it, and what to do. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/** The members of a request that name its document. */
export interface DocumentReference {
  readonly query?: unknown;
  readonly documentId?: unknown;
  readonly extensions?: unknown;
}

/**
 * The documents that the service executes, by the ids of a manifest in the format of the client preset of GraphQL Code
 * Generator: `{ "<hash>": "<document text>" }`.
 *
 * A request names its document by one or more of these, which must all lead to the same one:
 * - `documentId`: an id of the manifest, or `sha256:` and the SHA-256 of the text
 *   (https://github.com/graphql/graphql-over-http, appendix on persisted documents)
 * - `extensions.persistedQuery.sha256Hash`: an id of the manifest
 * - `query`: the text itself, exactly as the manifest has it
 */
export class TrustedDocuments {
  readonly #texts: ReadonlySet<string>;
  readonly #byId: ReadonlyMap<string, string>;

  /** Throws `ManifestError` for the first document that the schema or a limit rejects. */
  constructor(manifest: ReadonlyMap<string, string>, source = 'The manifest') {
    for (const [id, text] of manifest) {
      const problem = problemOf(text);
      if (problem !== undefined) {
        throw new ManifestError(
          `${source}: the document ${JSON.stringify(id)} is invalid: ${oneLine(problem.message)} ` +
            'Correct it for the schema of this version, and generate the manifest again.',
        );
      }
    }
    this.#texts = new Set(manifest.values());
    this.#byId = new Map([
      ...[...this.#texts].map((text): [string, string] => [`sha256:${sha256(text)}`, text]),
      ...manifest,
    ]);
  }

  /** Returns the text of the document that a request names, or the error of one that names none or two. */
  find({ query, documentId, extensions }: DocumentReference): string | GraphQLError {
    if (documentId != null && typeof documentId !== 'string') {
      return requestRefused(400, 'The documentId must be text.');
    }
    const found = new Set<string>();
    for (const [name, id] of [
      ['documentId', documentId],
      ['extensions.persistedQuery.sha256Hash', hashOf(extensions)],
    ] as const) {
      if (id == null || id === '') continue;
      const text = this.#byId.get(id);
      if (text === undefined) return notTrusted(`The manifest has no document ${shorten(id)}, the ${name}.`);
      found.add(text);
    }
    if (typeof query === 'string' && query !== '') {
      if (!this.#texts.has(query)) return notTrusted('The manifest has no document with the text of query.');
      found.add(query);
    }
    const [text] = found;
    if (text === undefined) return notTrusted('The request names no document.');
    return found.size === 1 ? text : notTrusted('The request names two different documents.');
  }
}

/** Reads a manifest. Throws `ManifestError`. */
export async function readTrustedDocuments(path: string): Promise<TrustedDocuments> {
  const source = `TRUSTED_DOCUMENTS is ${JSON.stringify(path)}`;
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new ManifestError(`${source}, which cannot be read: ${(error as Error).message}.`);
  }
  let json: unknown;
  try {
    json = parseJson(text);
  } catch (error) {
    throw new ManifestError(`${source}, which is not JSON: ${oneLine((error as Error).message)}`);
  }
  const manifest = MANIFEST.safeParse(json);
  if (!manifest.success) {
    const [id] = manifest.error.issues[0]?.path ?? [];
    throw new ManifestError(
      id === undefined
        ? `${source}, which must be a JSON object that maps hashes to the texts of documents, such as the ` +
            'persisted-documents.json of GraphQL Code Generator.'
        : `${source}: the value of ${JSON.stringify(id)} must be text.`,
    );
  }
  if (Object.keys(manifest.data).length === 0) {
    throw new ManifestError(
      `${source}, which has no documents. Add the documents that the service may execute.`,
    );
  }
  return new TrustedDocuments(new Map(Object.entries(manifest.data)), source);
}

const MANIFEST = z.record(z.string(), z.string());

/** Returns the Yoga plugin that puts the text of the named document into each request, or refuses the request. */
export function trustedDocumentsPlugin(documents: TrustedDocuments): Plugin {
  return {
    onParams({ params, setParams }) {
      // Yoga itself refuses what is no object.
      if (typeof params !== 'object' || params === null) return;
      const { documentId, ...rest }: DocumentReference & typeof params = params;
      const query = documents.find({ ...rest, documentId });
      if (query instanceof GraphQLError) throw query;
      setParams({ ...rest, query });
    },
  };
}

function problemOf(text: string): GraphQLError | undefined {
  try {
    checkText(text);
    const document = parse(text);
    checkDocument(document);
    return validate(schema, document, RULES, { maxErrors: 1 })[0];
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

/** The explorer is off while only trusted documents are executed. */
const RULES = [...specifiedRules, NoSchemaIntrospectionCustomRule];

function notTrusted(problem: string): GraphQLError {
  return new GraphQLError(
    `${problem} The service executes only the documents of its TRUSTED_DOCUMENTS manifest. Send the documentId of one, or ` +
      'add the document to the manifest and restart the service.',
    { extensions: { code: 'FORBIDDEN', http: { status: 400 } } },
  );
}

function hashOf(extensions: unknown): string | undefined {
  const hash = member(member(extensions, 'persistedQuery'), 'sha256Hash');
  return typeof hash === 'string' ? hash : undefined;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const SHOWN = 100;

function shorten(id: string): string {
  return JSON.stringify(id.length > SHOWN ? `${id.slice(0, SHOWN)}…` : id);
}

function oneLine(message: string): string {
  return message.replaceAll(/\s+/g, ' ');
}
