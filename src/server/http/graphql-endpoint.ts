/**
 * The API's endpoint. A request goes through these, in this order, and each may refuse it:
 *
 *   its method, media types and encoding · its body's size, by how busy the service is, and text · GraphQL: a fast path, or Yoga
 *
 * The fast path takes what nearly all requests are: a POST of a plain JSON object. Everything else, also what turns out not to
 * be plain once it is read, is Yoga's. What protects the API stands before both, or in plugins that both run; and both answer
 * by `writeAnswer`.
 */
import type { IncomingMessage } from 'node:http';
import type { ExecutionResult, GraphQLError } from 'graphql';
import type { OnFault } from '../../graphql/context.ts';
import {
  type AnswerType,
  type HttpAnswer,
  requestRefused,
  writeAnswerInTurns,
} from '../../graphql/execution/answer.ts';
import type { RequestNotes } from '../../graphql/execution/request-notes.ts';
import {
  createGraphQLHandler,
  type GraphQLHandler,
  type GraphQLOptions,
  MAX_REQUEST_BYTES,
  type RequestFacts,
} from '../../graphql/execution/yoga.ts';
import { AnswerBudget } from '../../graphql/protection/answer-budget.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { Admission } from './admission.ts';
import { BodyReader } from './body.ts';
import { FastPath, readPlain } from './fast-path.ts';
import { refuseLarge } from './large-body.ts';
import { chooseAnswerType, isJson } from './media-types.ts';
import { UnreadAnswers } from './unread-answers.ts';

export interface EndpointOptions extends GraphQLOptions {
  /** false: Yoga answers everything, and the same. */
  readonly fastPath?: boolean;
  /** See `FastPathOptions`. */
  readonly compileAfter?: number;
}

export interface GraphQLEndpoint {
  /** null where the caller has gone. What becomes of the request is noted in `notes`. */
  answer(request: IncomingMessage, notes: RequestNotes): Promise<HttpAnswer | null>;
  /** Bytes of bodies in memory whose requests are not answered yet. */
  bufferedBytes(): number;
  close(): Promise<void>;
}

export function createGraphQLEndpoint(
  ledger: Ledger,
  onFault: OnFault,
  { fastPath = true, compileAfter, ...options }: EndpointOptions = {},
): GraphQLEndpoint {
  const yoga = createGraphQLHandler(ledger, onFault, options);
  const plain = new FastPath(yoga, { ledger, onFault, ...(compileAfter && { compileAfter }) });
  const admission = new Admission(ledger);
  const bodies = new BodyReader(admission);
  const unread = new UnreadAnswers();

  const answerPost = async (
    request: IncomingMessage,
    type: AnswerType,
    notes: RequestNotes,
  ): Promise<HttpAnswer | null> => {
    const body = await bodies.read(request);
    if (body === null) return null;
    if (body instanceof Error) return writeNoted({ errors: [body] }, type, notes);
    const { bytes, release } = body;
    try {
      const refusal = bytes.length > MAX_REQUEST_BYTES ? await refuseLarge(bytes) : undefined;
      if (refusal !== undefined) return await writeNoted({ errors: [refusal] }, type, notes);
      return await answerBody(request, bytes, type, notes);
    } finally {
      release();
    }
  };

  const answerBody = async (
    request: IncomingMessage,
    bytes: Buffer,
    type: AnswerType,
    notes: RequestNotes,
  ): Promise<HttpAnswer> => {
    const params = fastPath ? readPlain(bytes.toString()) : undefined;
    const facts = { bodyBytes: bytes.length, notes, budget: budgetOf(request) };
    try {
      const result = params && (await plain.answer(params, facts));
      const answer =
        result === undefined
          ? await askYoga(yoga, request, type, facts, bytes)
          : await writeNoted(result, type, notes, facts.budget);
      return await holdUnread(answer, type, notes, facts.budget);
    } finally {
      facts.budget.end();
    }
  };

  /** Of a mutation the answer must be sent, however many others are unread. */
  const holdUnread = async (
    answer: HttpAnswer,
    type: AnswerType,
    notes: RequestNotes,
    budget: AnswerBudget,
  ): Promise<HttpAnswer> => {
    const onRead = unread.hold(answer.body, budget.isMutation);
    return onRead === undefined
      ? writeNoted({ errors: [TOO_MANY_UNREAD] }, type, notes, budget)
      : { ...answer, onRead };
  };

  const answerGet = async (request: IncomingMessage, type: AnswerType, notes: RequestNotes) => {
    const budget = budgetOf(request);
    try {
      const answer = await askYoga(yoga, request, type, { notes, budget });
      return await holdUnread(answer, type, notes, budget);
    } finally {
      budget.end();
    }
  };

  return {
    answer: async (request, notes) => {
      const type = chooseAnswerType(request.headers.accept);
      const refusal = refuseHead(request, type);
      if (refusal !== undefined || type === undefined) {
        return writeNoted({ errors: refusal ? [refusal] : [] }, type ?? 'application/json', notes);
      }
      return request.method === 'POST' ? answerPost(request, type, notes) : answerGet(request, type, notes);
    },
    bufferedBytes: () => admission.bufferedBytes,
    close: async () => yoga.dispose(),
  };
}

/** Returns the budget of a request. The answer reports its cost if the header x-ledger-cost is 1. */
function budgetOf({ headers }: IncomingMessage): AnswerBudget {
  return new AnswerBudget({ showsCost: headers['x-ledger-cost'] === '1' });
}

/** Why a request is refused by its head alone. */
function refuseHead(
  { method, headers }: IncomingMessage,
  type: AnswerType | undefined,
): GraphQLError | undefined {
  if (method !== 'GET' && method !== 'POST') {
    return requestRefused(405, `GraphQL is asked by GET or POST, and not by ${method}.`, { headers: ALLOW });
  }
  if (type === undefined) {
    return requestRefused(
      406,
      'The answer is application/json or application/graphql-response+json, in UTF-8, and the header accept takes neither.',
    );
  }
  if (method === 'GET') return undefined;
  if (!isJson(headers['content-type'])) {
    return requestRefused(
      415,
      'The body must be JSON in UTF-8, with the header content-type: application/json.',
    );
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    return requestRefused(415, 'The body must not be compressed.', {
      headers: { 'accept-encoding': 'identity' },
    });
  }
  return undefined;
}

/** Yoga notes of its own answers what this notes of all others. */
function writeNoted(
  result: ExecutionResult,
  type: AnswerType,
  notes: RequestNotes,
  budget?: AnswerBudget,
): Promise<HttpAnswer> {
  notes.noteErrors(result.errors);
  return writeAnswerInTurns(result, type, budget);
}

const TOO_MANY_UNREAD = requestRefused(
  503,
  'Too many large answers wait to be read by their callers. Try again later, or ask for smaller pages.',
  { code: 'OVERLOADED', headers: { 'retry-after': '1' }, facts: { retryAfterMs: 1000 } },
);

const ALLOW = { allow: 'GET, POST, OPTIONS' };

async function askYoga(
  yoga: GraphQLHandler,
  { method = 'GET', url = '' }: IncomingMessage,
  type: AnswerType,
  facts: RequestFacts,
  bytes?: Buffer,
): Promise<HttpAnswer> {
  const response = await yoga.fetch(
    `http://localhost${url}`,
    {
      method,
      headers: { accept: type, ...(bytes === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(bytes === undefined ? {} : { body: new Uint8Array(bytes) }),
    },
    facts,
  );
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: Buffer.from(await response.arrayBuffer()),
  };
}
