import { randomUUID } from 'node:crypto';
import { asOwner, serverLog, type TestDatabase } from './database.ts';

/**
 * Returns the statements that the service sends while `run` runs, from PostgreSQL's log. Only connections that are made after
 * `alter database … set log_statement = 'all'` are logged.
 */
export async function statementsDuring(
  database: TestDatabase,
  run: () => Promise<unknown>,
): Promise<string[]> {
  const mark = async () => {
    const text = `mark ${randomUUID()}`;
    await asOwner(database, `select '${text}'`);
    return text;
  };
  const from = await mark();
  await run();
  const to = await mark();
  const log = await serverLog(database);
  const placeOf = (text: string) => log.findIndex((message) => message.includes(text));
  return log
    .slice(placeOf(from) + 1, placeOf(to))
    .filter(
      (message) => message.includes('transactional-ledger') && /(statement|execute \S+): /.test(message),
    );
}
