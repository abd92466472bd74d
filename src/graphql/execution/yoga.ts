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
import { parseJson } from '../../core/values/json.ts';
import { type Ledger, UnavailableError } from '../../ledger/ledger.ts';
import { type Context, createContext, type OnFault } from '../context.ts';
import { AnswerBudget } from '../protection/answer-budget.ts';
import { costErrors } from '../protection/cost.ts';
import { checkDocument, checkText, isOnly } from '../protection/document-limits.ts';
import { schema } from '../schema.ts';
import { ANSWER_TYPES, requestRefused, writeAnswerInTurns } from './answer.ts';
import { coerceLongLists, withCoercedVariables } from './coercion.ts';
import { RequestNotes } from './request-notes.ts';
import { findMisshapenVariable } from './variables.ts';

export const GRAPHQL_PATH = '/graphql';

/** What a body may have; that of a `postBatch`, as much as the service reads at all. */
export const MAX_REQUEST_BYTES = 2 ** 20;
export const LARGE_REQUESTS = 'postBatch';
/** Validation stops at so many errors. */
const MAX_VALIDATION_ERRORS = 20;

/** Of a larger request only the first field of its variables that is wrong is told, and not all with what stands beside them. */
const MAX_TOLD_BYTES = 4096;

/** What the service knows of a request beside what Yoga reads of it. */
export interface RequestFacts {
  readonly bodyBytes?: number;
  /** What the request becomes is noted there. */
  readonly notes?: RequestNotes;
  /** What the answer may take. Who gives it ends it when the answer has been written. */
  readonly budget?: AnswerBudget;
}

export type GraphQLHandler = YogaServerInstance<RequestFacts, Context>;

export interface GraphQLOptions {
  /** Introspection, and suggestions of what a caller may have meant. */
  readonly explorer?: boolean;
  /** Plugins that see a request after its JSON was read, before its document is parsed. */
  readonly plugins?: readonly Plugin[];
}

/**
 * GraphQL, and the API over HTTP: `getEnveloped` parses, validates and executes, `fetch` answers whole requests. What limits a
 * document, and what is masked, is a plugin's, and holds for both. Bodies are the server's to limit.
 */
export function createGraphQLHandler(
  ledger: Ledger,
  onFault: OnFault,
  { explorer = true, plugins = [] }: GraphQLOptions = {},
): GraphQLHandler {
  return createYoga<RequestFacts, Context>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    context: ({ notes = new RequestNotes(), budget = new AnswerBudget() }) =>
      createContext(ledger, onFault, notes, budget),
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
    // Faults go to onFault, with the id of their request.
    logging: false,
  });
}

/** What the texts and trees of the documents that are kept may take, about. */
const CACHED_BYTES = 64 * 2 ** 20;
/** Measured: a token with its share of the tree. */
const BYTES_A_TOKEN = 400;

function sizeOfDocument({ tokenCount = 0 }: DocumentNode, text: string): number {
  return 1 + 2 * text.length + BYTES_A_TOKEN * tokenCount;
}

/**
 * The one place where it is decided what callers see of an error. GraphQL's own errors and ours are meant for them. Of any
 * other, which is a fault, they see the code and under which id the log has the rest.
 */
export function maskFault(error: unknown, onFault: OnFault): GraphQLError {
  if (error instanceof GraphQLError && isMeantForCallers(error)) return error;
  const fault = error instanceof GraphQLError ? error.originalError : error;
  const requestId = onFault(fault);
  const [code, message] =
    fault instanceof UnavailableError
      ? ['UNAVAILABLE', fault.message]
      : ['INTERNAL', 'A fault of the ledger itself, which its log has under the request id.'];
  const { nodes, source, positions, path } = error instanceof GraphQLError ? error : {};
  return new GraphQLError(message, { nodes, source, positions, path, extensions: { code, requestId } });
}

function isMeantForCallers({ originalError }: GraphQLError): boolean {
  if (originalError === undefined) return true;
  return originalError instanceof GraphQLError && isMeantForCallers(originalError);
}

/** What an operation may be, found out in this order: by its text, its document, GraphQL's rules, and its cost. */
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
        validate(against, document, rules, { maxErrors: MAX_VALIDATION_ERRORS, hideSuggestions }),
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
      const check = (areRight: boolean) => {
        const misshapen =
          !areRight && bodyBytes > MAX_TOLD_BYTES && operation
            ? findMisshapenVariable(args.schema, operation, variables)
            : undefined;
        const errors =
          misshapen === undefined
            ? costErrors(args.schema, document, operationName, variables, { bodyBytes, hideSuggestions })
            : [misshapen];
        if (errors.length > 0) setResultAndStopExecution({ errors });
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

/** A body that has more bytes than it may, or says that it will have. */
export function bodyTooLarge(given: number, allowed: number): GraphQLError {
  const more = allowed === MAX_REQUEST_BYTES ? ` That of a ${LARGE_REQUESTS} may have 16 MiB.` : '';
  return requestRefused(
    413,
    `The body has at least ${given.toLocaleString('en')} bytes; at most ${allowed.toLocaleString('en')} are allowed.${more}`,
    { facts: { limit: 'bytes', given, allowed } },
  );
}

/**
 * Yoga takes malformed JSON in a query string for a fault of its own, and an operationName of any type for a name. It reads a
 * body by the request's own `json`, for which see `parseJson`.
 */
const READ_REQUEST: Plugin = {
  onParams({ params: { operationName } }) {
    if (operationName == null || typeof operationName === 'string') return;
    throw requestRefused(400, 'The operationName must be text.');
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
          throw requestRefused(400, `The query parameter ${name} must be JSON.`);
        }
      }
      return params;
    });
  },
};

/** The server has chosen the type of the answer, and asks for no other. */
const WRITE_ANSWER: Plugin<object, RequestFacts> = {
  onResultProcess({ request, result, serverContext, setResultProcessor }) {
    if (isAsyncIterable(result) || Array.isArray(result)) return;
    serverContext.notes?.noteErrors(result.errors);
    const asked = request.headers.get('accept');
    const type = ANSWER_TYPES.find((known) => known === asked) ?? 'application/json';
    setResultProcessor(async (given, { Response }) => {
      // A list of results or a stream of them took another way above.
      const { status, headers, body } = await writeAnswerInTurns(
        given as ExecutionResult,
        type,
        serverContext.budget,
      );
      return new Response(typeof body === 'string' ? body : new Uint8Array(body), { status, headers });
    }, type);
  },
};
