import {
  type DocumentNode,
  type ExecutionResult,
  GraphQLError,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { createYoga, isAsyncIterable, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { Viewer } from '../../core/access/viewer.ts';
import { parseJson } from '../../core/values/json.ts';
import { type Ledger, UnavailableError } from '../../ledger/ledger.ts';
import { type Context, createContext, type OnFault } from '../context.ts';
import { AnswerBudget } from '../protection/answer-budget.ts';
import { checkCost } from '../protection/cost.ts';
import { checkDocument, checkText, DOCUMENT_LIMITS, isOnly } from '../protection/document-limits.ts';
import { takeCost } from '../protection/rate-limit.ts';
import { schema } from '../schema.ts';
import { ANSWER_TYPES, requestRefused, writeAnswerInTurns } from './answer.ts';
import { coerceLongLists, withCoercedVariables } from './coercion.ts';
import { RequestNotes } from './request-notes.ts';
import { findMisshapenVariable } from './variables.ts';

export const GRAPHQL_PATH = '/graphql';

/** The maximum bytes of a request body. A larger one must be a `postBatch`. */
export const MAX_REQUEST_BYTES = 2 ** 20;
export const LARGE_REQUESTS = 'postBatch';
/** The maximum number of validation errors. */
const MAX_VALIDATION_ERRORS = 20;

/** For a larger request, only the first invalid field of the variables is reported. */
const MAX_REPORTED_BYTES = 4096;

/** Facts about a request that Yoga does not read itself. */
export interface RequestFacts {
  readonly ledger: Ledger;
  readonly viewer: Viewer;
  readonly bodyBytes?: number;
  /** Collects the outcome of the request. */
  readonly notes?: RequestNotes;
  /** Limits the answer. Its creator ends it when the answer has been written. */
  readonly budget?: AnswerBudget;
}

export type GraphQLHandler = YogaServerInstance<RequestFacts, Context>;

export interface GraphQLOptions {
  /** Enables introspection, and suggestions in error messages. */
  readonly explorer?: boolean;
  /** Plugins that see a request after its JSON was read, before its document is parsed. */
  readonly plugins?: readonly Plugin[];
}

/**
 * Creates the GraphQL handler. `getEnveloped` parses, validates and executes; `fetch` handles whole HTTP requests. The limits on
 * documents and the masking of faults are plugins that apply to both. The HTTP server limits the size of bodies.
 */
export function createGraphQLHandler(
  onFault: OnFault,
  { explorer = true, plugins = [] }: GraphQLOptions = {},
): GraphQLHandler {
  return createYoga<RequestFacts, Context>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    context: ({ ledger, viewer, notes = new RequestNotes(), budget = new AnswerBudget() }) =>
      createContext(ledger, onFault, notes, budget, viewer),
    maskedErrors: { maskError: (error) => maskFault(error, onFault) },
    plugins: [READ_REQUEST, ...plugins, limits(explorer), WRITE_ANSWER],
    parserAndValidationCache: {
      documentCache: new LRUCache<string, DocumentNode>({
        maxSize: CACHED_BYTES,
        sizeCalculation: sizeOfDocument,
      }),
      errorCache: new LRUCache<string, Error>({
        maxSize: CACHED_BYTES / 16,
        sizeCalculation: (_, text) => 1 + 2 * text.length,
      }),
    },
    maxRequestBodySize: false,
    batching: false,
    multipart: false,
    cors: false,
    landingPage: false,
    graphiql: false,
    // onFault logs faults with the id of their request.
    logging: false,
  });
}

/** The approximate maximum memory of the cached documents. */
const CACHED_BYTES = 64 * 2 ** 20;
/** Measured: the memory of a token and its part of the syntax tree. */
const BYTES_A_TOKEN = 400;

function sizeOfDocument({ tokenCount = 0 }: DocumentNode, text: string): number {
  return 1 + 2 * text.length + BYTES_A_TOKEN * tokenCount;
}

/**
 * Returns the error that the caller receives. Errors of GraphQL and of this service are meant for callers. Any other error is a
 * fault: the caller receives its code and the request id, and the log has the details.
 */
export function maskFault(error: unknown, onFault: OnFault): GraphQLError {
  if (error instanceof GraphQLError && isMeantForCallers(error)) return error;
  const fault = error instanceof GraphQLError ? error.originalError : error;
  const requestId = onFault(fault);
  const [code, message] =
    fault instanceof UnavailableError
      ? ['UNAVAILABLE', fault.message]
      : ['INTERNAL', 'The ledger has an internal error. The log has its details under the request id.'];
  const { nodes, source, positions, path } = error instanceof GraphQLError ? error : {};
  return new GraphQLError(message, { nodes, source, positions, path, extensions: { code, requestId } });
}

function isMeantForCallers({ originalError }: GraphQLError): boolean {
  if (originalError === undefined) return true;
  return originalError instanceof GraphQLError && isMeantForCallers(originalError);
}

/** Checks an operation in this order: its text, its document, GraphQL's rules, its variables and its cost. */
function limits(explorer: boolean): Plugin<Context & RequestFacts> {
  const rules = explorer ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule];
  const hideSuggestions = !explorer;
  const checked = new WeakSet<DocumentNode>();
  const executed = withCoercedVariables(schema);
  return {
    onParse({ setParseFn }) {
      setParseFn((source, options) => {
        checkText(typeof source === 'string' ? source : source.body);
        return parse(source, options);
      });
      return ({ result, context }) => {
        if (result === null || result instanceof Error) return;
        if (!checked.has(result)) checkDocument(result);
        checked.add(result);
        const { bodyBytes = 0, params } = context;
        if (bodyBytes > MAX_REQUEST_BYTES && !isOnly(LARGE_REQUESTS, result, params?.operationName)) {
          throw bodyTooLarge(bodyBytes, MAX_REQUEST_BYTES);
        }
      };
    },
    onValidate({ setValidationFn }) {
      setValidationFn((against, document) =>
        validate(against, document, rules, { maxErrors: maxErrorsOf(document), hideSuggestions }),
      );
    },
    onExecute({ args, executeFn, setExecuteFn, setResultAndStopExecution }) {
      Object.assign(args, { hideSuggestions });
      const { document, operationName } = args;
      const variables: Record<string, unknown> = args.variableValues ?? {};
      const operation = getOperationAST(document, operationName);
      const { notes, budget } = args.contextValue;
      notes.noteOperation(operation?.name?.value ?? null);
      if (operation?.operation === 'mutation') budget.expectMutation();
      const { bodyBytes = Number.POSITIVE_INFINITY } = args.contextValue;
      const check = (areValid: boolean) => {
        const misshapen =
          !areValid && bodyBytes > MAX_REPORTED_BYTES && operation
            ? findMisshapenVariable(args.schema, operation, variables)
            : undefined;
        const { cost, errors } =
          misshapen === undefined
            ? checkCost(args.schema, document, operationName, variables, { bodyBytes, hideSuggestions })
            : { errors: [misshapen] };
        if (cost !== undefined) budget.noteCost(cost);
        const refusal = cost !== undefined && errors.length === 0 ? takeCost(budget, cost) : undefined;
        if (errors.length > 0) setResultAndStopExecution({ errors });
        else if (refusal !== undefined) setResultAndStopExecution({ errors: [refusal] });
      };
      const done = {
        onExecuteDone({ setResult }: { setResult: (result: ExecutionResult) => void }) {
          if (budget.refusal !== undefined) setResult({ errors: [budget.refusal] });
        },
      };
      const coercing = operation && coerceLongLists(args.schema, document, operation, variables);
      if (coercing == null) {
        check(false);
        return done;
      }
      return coercing.then((coerced) => {
        if (coerced !== undefined) {
          setExecuteFn((given) => executeFn({ ...given, ...coerced, schema: executed }));
        }
        check(coerced !== undefined);
        return done;
      });
    },
  };
}

/**
 * The maximum number of validation errors of a document. An error may repeat the whole document, so a long document has fewer:
 * all its errors together are about as long as the longest document.
 */
function maxErrorsOf({ loc }: DocumentNode): number {
  const characters = loc?.source.body.length ?? DOCUMENT_LIMITS.characters;
  return Math.max(1, Math.min(MAX_VALIDATION_ERRORS, Math.floor(DOCUMENT_LIMITS.characters / characters)));
}

/** Returns the error of a body whose actual or declared size exceeds the limit. */
export function bodyTooLarge(given: number, allowed: number): GraphQLError {
  const more = allowed === MAX_REQUEST_BYTES ? ` The body of a ${LARGE_REQUESTS} may have 16 MiB.` : '';
  return requestRefused(
    413,
    `The body has at least ${given.toLocaleString('en')} bytes; at most ${allowed.toLocaleString('en')} are allowed.${more}`,
    { facts: { limit: 'bytes', given, allowed } },
  );
}

/**
 * Reads the parts of a request that Yoga reads wrongly. Yoga treats malformed JSON in a query string as its own fault, and accepts
 * an operationName of any type. It parses bodies with the request's `json`, which this replaces with `parseJson`.
 */
const READ_REQUEST: Plugin = {
  onParams({ params: { operationName } }) {
    if (operationName == null || typeof operationName === 'string') return;
    throw requestRefused(400, 'operationName must be a string.');
  },
  onRequestParse({ request, setRequestParser }) {
    request.json = async () => parseJson(await request.text());
    if (request.method !== 'GET') return;
    setRequestParser(({ url }) => {
      const given = [...new URL(url).searchParams].filter(([, text]) => text !== '');
      const params: Record<string, unknown> = Object.fromEntries(given);
      for (const name of ['variables', 'extensions']) {
        try {
          if (params[name] !== undefined) params[name] = parseJson(String(params[name]));
        } catch {
          throw requestRefused(400, `The query parameter ${name} must be valid JSON.`);
        }
      }
      return params;
    });
  },
};

/** Writes the answer in the media type that the server has chosen. */
const WRITE_ANSWER: Plugin<object, RequestFacts> = {
  onResultProcess({ request, result, serverContext, setResultProcessor }) {
    if (isAsyncIterable(result) || Array.isArray(result)) return;
    serverContext.notes?.noteErrors(result.errors);
    const accepted = request.headers.get('accept');
    const type = ANSWER_TYPES.find((known) => known === accepted) ?? 'application/json';
    setResultProcessor(async (given, { Response }) => {
      // Lists and streams of results have returned above.
      const { status, headers, body } = await writeAnswerInTurns(
        given as ExecutionResult,
        type,
        serverContext.budget,
      );
      return new Response(typeof body === 'string' ? body : new Uint8Array(body), { status, headers });
    }, type);
  },
};
