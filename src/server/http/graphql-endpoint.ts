/**
 * The API's endpoint. Each request passes these checks in this order, and each may reject it:
 *
 *   credentials and ledger · requests per second · method, media types and encoding · size of the body, and the load of the service · UTF-8 · GraphQL
 *
 * There are two ways to execute GraphQL. The fast path answers a POST of a plain JSON object, which nearly all requests are. Yoga
 * answers every other request. All protections are either before both, or in Yoga plugins that both run; both write the answer
 * with `writeAnswer`.
 */
import type { IncomingMessage } from 'node:http';
import { type ExecutionResult, GraphQLError } from 'graphql';
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
  maskFault,
  type RequestFacts,
} from '../../graphql/execution/yoga.ts';
import { AnswerBudget } from '../../graphql/protection/answer-budget.ts';
import type { RateLimit } from '../../graphql/protection/caller-limits.ts';
import type { AdmittedCaller, Callers } from '../access/callers.ts';
import { Admission } from './admission.ts';
import { BodyReader } from './body.ts';
import { FastPath, readPlain } from './fast-path.ts';
import { refuseLarge } from './large-body.ts';
import { IDENTIFIED_FOR_MS } from './limits.ts';
import { chooseAnswerType, isJson } from './media-types.ts';
import { type TrustedDocuments, trustedDocumentsPlugin } from './trusted-documents.ts';
import { UnreadAnswers } from './unread-answers.ts';

export interface EndpointOptions extends Pick<GraphQLOptions, 'explorer'> {
  /** false: Yoga answers every request, with the same answers. */
  readonly fastPath?: boolean | undefined;
  /** See `FastPathOptions`. */
  readonly compileAfter?: number | undefined;
  /** Executes only these documents. */
  readonly trustedDocuments?: TrustedDocuments | undefined;
  /** Called when a body begins to be read. */
  readonly onReading?: (request: IncomingMessage) => void;
}

export interface GraphQLEndpoint {
  /** Returns null if the connection was closed. Writes the key, the operation and the codes of the answer to `notes`. */
  answer(request: IncomingMessage, notes: RequestNotes): Promise<HttpAnswer | null>;
  /** Bytes of bodies in memory whose requests are not answered yet. */
  bufferedBytes(): number;
  close(): Promise<void>;
}

export function createGraphQLEndpoint(
  callers: Callers,
  onFault: OnFault,
  { fastPath = true, compileAfter, trustedDocuments, onReading = () => {}, ...options }: EndpointOptions = {},
): GraphQLEndpoint {
  const hasTrustedDocuments = trustedDocuments !== undefined;
  const yoga = createGraphQLHandler(onFault, {
    ...options,
    plugins: hasTrustedDocuments ? [trustedDocumentsPlugin(trustedDocuments)] : [],
  });
  const plain = new FastPath(yoga, { onFault, compileAfter, trustedDocuments });
  const admission = new Admission();
  const bodies = new BodyReader(admission, hasTrustedDocuments);
  const unread = new UnreadAnswers();

  const answerPost = async (
    request: IncomingMessage,
    type: AnswerType,
    notes: RequestNotes,
    caller: AdmittedCaller,
  ): Promise<HttpAnswer | null> => {
    const since = performance.now();
    const reading = bodies.read(request, caller.ledger);
    onReading(request);
    const body = await reading;
    if (body === null) return null;
    if (body instanceof Error) return writeNoted({ errors: [body] }, type, notes);
    const { bytes, release } = body;
    try {
      if (performance.now() - since > IDENTIFIED_FOR_MS) {
        // Meanwhile the key may have been revoked, or the first key created.
        const again = await callers.identify(request).catch((error: unknown) => maskFault(error, onFault));
        if (again instanceof GraphQLError) return await writeNoted({ errors: [again] }, type, notes);
      }
      const refusal =
        bytes.length > MAX_REQUEST_BYTES ? await refuseLarge(bytes, hasTrustedDocuments) : undefined;
      if (refusal !== undefined) return await writeNoted({ errors: [refusal] }, type, notes);
      return await answerBody(request, bytes, type, notes, caller);
    } finally {
      release();
    }
  };

  const answerBody = async (
    request: IncomingMessage,
    bytes: Buffer,
    type: AnswerType,
    notes: RequestNotes,
    { ledger, viewer, rateLimit }: AdmittedCaller,
  ): Promise<HttpAnswer> => {
    const params = fastPath ? readPlain(bytes.toString(), hasTrustedDocuments) : undefined;
    const facts = { ledger, viewer, bodyBytes: bytes.length, notes, budget: budgetOf(request, rateLimit) };
    try {
      const result = params && (await plain.answer(params, facts));
      const answer =
        result === undefined
          ? await answerByYoga(yoga, request, type, facts, bytes)
          : await writeNoted(result, type, notes, facts.budget);
      return await holdUnread(answer, type, notes, facts.budget);
    } finally {
      facts.budget.end();
    }
  };

  /** Replaces the answer of a query while too many large answers are unread. The answer of a mutation is always sent. */
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

  const answerGet = async (
    request: IncomingMessage,
    type: AnswerType,
    notes: RequestNotes,
    { ledger, viewer, rateLimit }: AdmittedCaller,
  ) => {
    const budget = budgetOf(request, rateLimit);
    try {
      const answer = await answerByYoga(yoga, request, type, { ledger, viewer, notes, budget });
      return await holdUnread(answer, type, notes, budget);
    } finally {
      budget.end();
    }
  };

  return {
    answer: async (request, notes) => {
      const type = chooseAnswerType(request.headers.accept);
      const caller = await callers.admit(request).catch((error: unknown) => maskFault(error, onFault));
      if (caller instanceof GraphQLError) {
        return writeNoted({ errors: [caller] }, type ?? 'application/json', notes);
      }
      notes.credentialId = caller.credential?.logId ?? null;
      const refusal = rejectHead(request, type);
      if (refusal !== undefined || type === undefined) {
        return writeNoted({ errors: refusal ? [refusal] : [] }, type ?? 'application/json', notes);
      }
      return request.method === 'POST'
        ? answerPost(request, type, notes, caller)
        : answerGet(request, type, notes, caller);
    },
    bufferedBytes: () => admission.bufferedBytes,
    close: async () => yoga.dispose(),
  };
}

/** Returns the budget of a request. The answer reports its cost if the header x-ledger-cost is 1. */
function budgetOf({ headers }: IncomingMessage, rateLimit: RateLimit | undefined): AnswerBudget {
  return new AnswerBudget({ showsCost: headers['x-ledger-cost'] === '1', rateLimit });
}

/** Returns why a request is rejected without its body. */
function rejectHead(
  { method, headers }: IncomingMessage,
  type: AnswerType | undefined,
): GraphQLError | undefined {
  if (method !== 'GET' && method !== 'POST') {
    return requestRefused(405, `The method ${method} is not supported. Use POST, or GET for queries.`, {
      headers: ALLOW,
    });
  }
  if (type === undefined) {
    return requestRefused(
      406,
      'The accept header allows neither application/json nor application/graphql-response+json in UTF-8. Add one of them.',
    );
  }
  if (method === 'GET') return undefined;
  if (!isJson(headers['content-type'])) {
    return requestRefused(
      415,
      'The body must be JSON in UTF-8. Send the header content-type: application/json.',
    );
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    return requestRefused(415, 'The body must not be compressed. Send it without content-encoding.', {
      headers: { 'accept-encoding': 'identity' },
    });
  }
  return undefined;
}

/** Writes an answer that does not come from Yoga. Yoga writes notes about its own answers. */
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
  'Too many large answers have not been read by their callers. Retry later, or request smaller pages.',
  { code: 'OVERLOADED', headers: { 'retry-after': '1' }, facts: { retryAfterMs: 1000 } },
);

const ALLOW = { allow: 'GET, POST, OPTIONS' };

async function answerByYoga(
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
