/** The service with the console, in a process that a test may kill: `service-child.ts DATABASE_URL FOLDER PORT`. It prints its URL. */
import { Engine } from '../../../src/ledger/engine.ts';
import { startHttpServer } from '../../../src/server/http/http.ts';

const [databaseUrl = '', consoleFolder = '', port = '0'] = process.argv.slice(2);
const engine = await Engine.open({ allowUnsafeDurability: true, databaseUrl });
const server = await startHttpServer({
  engine,
  host: '127.0.0.1',
  port: Number(port),
  log: { error: (fault: unknown) => console.error(fault) },
  consoleFolder,
});
console.log(server.url);
