import { type ExecutionResult, execute, GraphQLError, parse, validate } from 'graphql';
import { expect } from 'vitest';
import { COMMAND_LINE } from '../../../src/core/access/actor.ts';
import { SCOPES, type Scope, type Viewer } from '../../../src/core/access/viewer.ts';
import { type Context, createContext } from '../../../src/graphql/context.ts';
import { CompiledOperations } from '../../../src/graphql/execution/compiled.ts';
import { RequestNotes } from '../../../src/graphql/execution/request-notes.ts';
import { AnswerBudget } from '../../../src/graphql/protection/answer-budget.ts';
import { checkCost } from '../../../src/graphql/protection/cost.ts';
import { schema } from '../../../src/graphql/schema.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { asOwner, type TestDatabase } from '../../support/database.ts';

/** Returns a viewer with these scopes. */
export function viewerWith(scopes: readonly Scope[] = SCOPES, allLedgers = true): Viewer {
  // An actor that every database has.
  const { actor } = COMMAND_LINE;
  return { actor, scopes: new Set(scopes), allLedgers, owner: null };
}

/** Returns a viewer that is restricted to an owner. */
export function restrictedTo(owner: string, scopes: readonly Scope[] = ['READ', 'POST']): Viewer {
  return { ...viewerWith(scopes, false), owner };
}

function contextOf(ledger: Ledger, viewer: Viewer): Context {
  const fail = (error: unknown) => expect.unreachable(`a fault: ${error}`);
  return createContext(ledger, fail, new RequestNotes(), new AnswerBudget(), viewer);
}

export type Variables = Readonly<Record<string, unknown>>;

/** Executes with graphql-js. */
export async function executed(
  ledger: Ledger,
  viewer: Viewer,
  query: string,
  variables: Variables = {},
): Promise<ExecutionResult> {
  const document = parse(query);
  expect(validate(schema, document)).toEqual([]);
  const contextValue = contextOf(ledger, viewer);
  return meantForCallers(await execute({ schema, document, contextValue, variableValues: variables }));
}

/** Executes compiled. Undefined: the operation is not compiled. 'again': it must be executed again, by graphql-js. */
export async function compiled(
  ledger: Ledger,
  viewer: Viewer,
  query: string,
  variables: Variables = {},
): Promise<ExecutionResult | 'again' | undefined> {
  const operations = new CompiledOperations(schema, 1);
  const document = parse(query);
  checkCost(schema, document, null, variables, { bodyBytes: 1000, hideSuggestions: false });
  operations.learn(query, document);
  const operation = operations.find(query, null);
  if (operation === undefined) return undefined;
  const result = await operation.execute(contextOf(ledger, viewer), variables, 1000);
  return result === undefined ? 'again' : meantForCallers(result);
}

/** Fails if an error is a fault. */
function meantForCallers(result: ExecutionResult): ExecutionResult {
  for (const { originalError } of result.errors ?? []) {
    if (originalError !== undefined && !(originalError instanceof GraphQLError)) throw originalError;
  }
  return result;
}

/** Returns a digest of all rows of each table. `ledger`: only of the rows of this ledger. */
export async function digestOfTables(
  database: TestDatabase,
  ledger?: Pick<Ledger, 'id'>,
): Promise<Record<string, string>> {
  const tables = await asOwner<{ name: string; hasLedger: boolean }>(
    database,
    `select c.relname as name, exists (
       select from pg_attribute a where a.attrelid = c.oid and a.attname = 'ledger_id') as "hasLedger"
     from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace`,
  );
  const digests = tables
    .filter(({ hasLedger }) => ledger === undefined || hasLedger)
    .map(
      ({ name }) =>
        `select '${name}' as name, coalesce(md5(string_agg(t::text, '|' order by t::text)), '') as digest from ${name} t` +
        (ledger === undefined ? '' : ` where ledger_id = '${ledger.id}'`),
    );
  const rows = await asOwner<{ name: string; digest: string }>(database, digests.join(' union all '));
  expect(rows.length).toBeGreaterThan(5);
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
}
