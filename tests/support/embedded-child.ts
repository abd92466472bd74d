// Starts an embedded PostgreSQL on the folder given as the argument, prints its facts as one line of JSON, and
// stops it at SIGTERM.

import { startEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';

const server = await startEmbeddedPostgres({ dataDir: process.argv[2] ?? '' });
process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)));
// Keeps the process alive, as a service's listening socket would.
setInterval(() => {}, 60_000);
console.log(JSON.stringify(server));
