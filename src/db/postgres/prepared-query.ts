import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import type { DB } from '../tables.ts';
import { prepare } from './checked-pool.ts';

/** Kysely without a connection. It only compiles. */
const compiler = new Kysely<DB>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/** The place of a value in a query that is compiled before its values are known. */
class Parameter {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Compiles a query once; each connection prepares it once. Returns a function that fills in the values by name. `build` uses the
 * members of `parameters` where the query has values. Kysely numbers them; each may be used any number of times.
 */
export function preparedQuery<Values extends object, Row>(
  build: (db: Kysely<DB>, parameters: Values) => { compile(db: Kysely<DB>): CompiledQuery<Row> },
): (values: Values) => CompiledQuery<Row> {
  const parameters = new Proxy({}, { get: (_, name) => new Parameter(String(name)) }) as Values;
  const compiled = prepare(build(compiler, parameters).compile(compiler));
  const names = compiled.parameters.map((parameter) => {
    if (parameter instanceof Parameter) return parameter.name as keyof Values & string;
    throw new TypeError(`a prepared query has only named values: ${compiled.sql}`);
  });
  return (values) => ({
    ...compiled,
    parameters: names.map((name) => {
      if (values[name] === undefined) throw new TypeError(`the prepared query lacks the value ${name}`);
      return values[name];
    }),
  });
}
