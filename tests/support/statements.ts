import { randomUUID } from 'node:crypto';
import { asOwner, serverLog, type TestDatabase } from './database.ts';

/**
 * The statements that the service sends while something runs, as PostgreSQL's own log has them: those of connections made after
 * `alter database … set log_statement = 'all'`.
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
