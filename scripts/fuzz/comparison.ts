import { createHash } from 'node:crypto';
import { GraphQLError } from 'graphql';
import type { Viewer } from '../../src/core/access/viewer.ts';
import { schema } from '../../src/graphql/schema.ts';
import { ManifestError, TrustedDocuments } from '../../src/server/http/trusted-documents.ts';
import { type Allows, type Request, randomRequests } from './documents.ts';
import { isSameAnswer } from './same-answer.ts';
import { type Books, Side } from './side.ts';
import type { Names } from './values.ts';

export interface ComparisonOptions {
  readonly seed: number;
  readonly documents: number;
  /** One database for graphql-js and one for compiled operations, with the same rows. */
  readonly plain: Books;
  readonly compiled: Books;
  readonly names: Names;
  /** Whether the compiled side executes trusted documents only, and requests name them by their ids. */
  readonly trusted?: boolean;
  /** The only caller of both sides. Default: several callers without an owner, in turn. */
  readonly viewer?: Viewer;
  /** The fields of the documents. Default: all. */
  readonly allows?: Allows;
  readonly onProgress?: (counts: Counts) => void;
}

export interface Counts {
  documents: number;
  /** At least one request was answered by a compiled operation. */
  compiled: number;
  /** At least one request wrote. */
  writing: number;
  compiledWriting: number;
  /** Compiled, and the repetition of the first request was a replay. */
  compiledReplayed: number;
  /** At least one answer had GraphQL errors. */
  failed: number;
}

/** The number of documents between two comparisons of the rows. */
const CHUNK = 20;

/**
 * Sends random documents to graphql-js and to compiled operations, and compares all answers and all recorded rows. Each document is
 * sent with two sets of variables, and then with the first set again. Throws at the first difference.
 */
export async function compareOperations({
  seed,
  documents,
  plain: plainBooks,
  compiled: compiledBooks,
  names,
  trusted = false,
  viewer,
  allows,
  onProgress = () => {},
}: ComparisonOptions): Promise<Counts> {
  const requestsOf = (number: number) =>
    randomRequests(schema, names, seed + number, `d${seed}.${number}`, 2, allows);
  const trustedDocuments = trusted
    ? trustAll(Array.from({ length: documents }, (_, number) => requestsOf(number)[0]?.query ?? ''))
    : undefined;
  const since = new Date();
  const plain = await Side.open(plainBooks, since, { compileAfter: Number.POSITIVE_INFINITY, viewer });
  const compiled = await Side.open(compiledBooks, since, { compileAfter: 1, trustedDocuments, viewer });
  const counts: Counts = {
    documents: 0,
    compiled: 0,
    writing: 0,
    compiledWriting: 0,
    compiledReplayed: 0,
    failed: 0,
  };
  try {
    await compareRows(plain, compiled, `seed ${seed}, before the first document`);
    for (let number = 0; number < documents; number += 1) {
      const requests = requestsOf(number);
      if (trustedDocuments?.find(requests[0] ?? {}) instanceof GraphQLError) continue;
      const place = `seed ${seed}, document ${number}`;
      const answers: string[] = [];
      const before = compiled.executed;
      for (const request of [...requests, ...requests.slice(0, 1)]) {
        answers.push(await compareAnswers(plain, compiled, request, place));
      }
      const isCompiled = compiled.executed - before < answers.length;
      const isWriting = answers.some((answer) => WROTE.test(answer));
      counts.documents += 1;
      if (isCompiled) counts.compiled += 1;
      if (isWriting) counts.writing += 1;
      if (isCompiled && isWriting) counts.compiledWriting += 1;
      if (isCompiled && answers.at(-1)?.includes('"replayed":true')) counts.compiledReplayed += 1;
      if (answers.some((answer) => answer.startsWith('{"errors"'))) counts.failed += 1;
      if (counts.documents % CHUNK === 0) {
        await compareRows(plain, compiled, `${place} or the ${CHUNK - 1} before it`);
        onProgress(counts);
      }
    }
    await compareRows(plain, compiled, `seed ${seed}, the last documents`);
    return counts;
  } finally {
    await Promise.all([plain.close(), compiled.close()]);
  }
}

/** Returns the trusted documents, without those that a manifest may not have. */
function trustAll(documents: readonly string[]): TrustedDocuments {
  const manifest = documents.flatMap((text): [string, string][] => {
    try {
      const entry: [string, string] = [createHash('sha256').update(text).digest('hex'), text];
      new TrustedDocuments(new Map([entry]));
      return [entry];
    } catch (error) {
      if (error instanceof ManifestError) return [];
      throw error;
    }
  });
  return new TrustedDocuments(new Map(manifest));
}

const WROTE = /"__typename":"(TransactionPosted|HoldPlaced|AccountCreated|AccountUpdated|BatchProcessed)"/;

const REPEATS = 20;

function isFailedQuery(query: string, ...answers: readonly string[]): boolean {
  return query.startsWith('query') && answers.every((answer) => answer.startsWith('{"errors"'));
}

/** Sends a request to both sides and returns its answer. Throws if the answers differ. */
export async function compareAnswers(
  plain: Side,
  compiled: Side,
  request: Request,
  place: string,
): Promise<string> {
  const { query, operationName, variables } = request;
  const known = plain.normalizer.known;
  const send = () => Promise.all([plain.send(request), compiled.send(request)]);
  let [expected, given] = await send();
  // The error that graphql-js reports, of several, depends on timing. A query can be sent again.
  for (
    let more = REPEATS;
    more > 0 && expected !== given && isFailedQuery(query, expected, given);
    more -= 1
  ) {
    for (const side of [plain, compiled]) side.normalizer.forget(known);
    [expected, given] = await send();
  }
  if (!isSameAnswer(expected, given)) {
    throw new Error(
      [
        `${place}: the answers differ`,
        query,
        `operationName ${operationName}, variables ${JSON.stringify(variables)}`,
        `graphql-js: ${expected}`,
        `compiled:   ${given}`,
        ...[...plain.faults, ...compiled.faults].map(String),
      ].join('\n'),
    );
  }
  return expected;
}

async function compareRows(plain: Side, compiled: Side, place: string): Promise<void> {
  const [expected, given] = await Promise.all([plain.recorded(), compiled.recorded()]);
  const different = expected.findIndex((row, index) => row !== given[index]);
  if (different < 0 && expected.length === given.length) return;
  throw new Error(
    [
      `${place}: the rows differ`,
      `graphql-js: ${expected[different] ?? 'no more rows'}`,
      `compiled:   ${given[different < 0 ? expected.length : different]}`,
    ].join('\n'),
  );
}
