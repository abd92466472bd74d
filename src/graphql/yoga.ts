import { GraphQLError } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import { type Ledger, UnavailableError } from '../ledger/ledger.ts';
import { type Context, createContext, type OnFault } from './context.ts';
import { schema } from './schema.ts';

export const GRAPHQL_PATH = '/graphql';

const MAX_BODY_BYTES = 16 * 2 ** 20;

/** The GraphQL API over HTTP: a listener for node:http, and `fetch`. To browsers it shows GraphiQL. */
export function createGraphQLHandler(ledger: Ledger, onFault: OnFault) {
  return createYoga<object, Context>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    context: () => createContext(ledger, onFault),
    maskedErrors: { maskError: (error) => maskFault(error, onFault) },
    plugins: [JSON_ONLY],
    maxRequestBodySize: MAX_BODY_BYTES,
    batching: false,
    multipart: false,
    cors: false,
    landingPage: false,
    graphiql: GRAPHIQL,
    renderGraphiQL,
    // Faults go to onFault, with the id of their request.
    logging: false,
  });
}

/**
 * The one place where it is decided what callers see of an error. GraphQL's own errors and ours are meant for them. Of any
 * other, which is a fault, they see the code and under which id the log has the rest.
 */
function maskFault(error: unknown, onFault: OnFault): Error {
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

/** A page of another site can send forms and plain text with a browser's credentials, but not JSON. */
const JSON_ONLY: Plugin = {
  onRequest({ request, endResponse, fetchAPI }) {
    if (request.method !== 'POST') return;
    const [type = ''] = (request.headers.get('content-type') ?? '').split(';');
    if (type.trim() === 'application/json') return;
    const errors = [{ message: 'The body must be JSON, with the header content-type: application/json.' }];
    endResponse(fetchAPI.Response.json({ errors }, { status: 415 }));
  },
};

const GRAPHIQL = {
  title: 'Transactional Ledger',
  defaultQuery: `# Everything here has a description: press Ctrl+Space, or open the documentation on the left.
query TrialBalance {
  ledger {
    name
    trialBalance { currency debits { amount } credits { amount } accounts }
    head { number createdAt }
  }
}
`,
};

let graphiql: Promise<string> | undefined;

/** GraphiQL as one page that loads nothing from elsewhere. It is large: read when it is first asked for, and kept. */
function renderGraphiQL(): Promise<string> {
  graphiql ??= import('@graphql-yoga/render-graphiql').then((page) => page.renderGraphiQL(GRAPHIQL));
  return graphiql;
}
