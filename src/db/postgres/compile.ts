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

/** Kysely without a connection: compiles, once, the queries that run for every batch. */
const compiler = new Kysely<DB>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
});

/** A query whose text is compiled and whose statement is prepared once; it takes its values each time. */
export type FixedQuery<Values extends readonly unknown[], Row> = (...values: Values) => CompiledQuery<Row>;

/**
 * Compiles a query. `build` gets Kysely and stand-ins for the values; each stand-in enters the query exactly once, in the
 * order of the values; how many there are is said where `build` takes the rest of its arguments.
 */
export function fixedQuery<Values extends readonly unknown[], Row>(
  build: (db: Kysely<DB>, ...values: Values) => { compile(db: Kysely<DB>): CompiledQuery<Row> },
  count = build.length - 1,
): FixedQuery<Values, Row> {
  const standIns = Array.from({ length: count }, (_, place) => `$${place + 1}`);
  const compiled = prepare(build(compiler, ...(standIns as unknown as Values)).compile(compiler));
  if (compiled.parameters.some((value, place) => value !== standIns[place])) {
    throw new TypeError(`a fixed query takes its values in order: ${compiled.sql}`);
  }
  return (...values) => ({ ...compiled, parameters: values });
}
