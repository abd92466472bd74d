// Starts an embedded PostgreSQL in the folder of the argument, prints its properties as one line of JSON, and stops it on SIGTERM.

import { startEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';

const server = await startEmbeddedPostgres({ dataDir: process.argv[2] ?? '' });
process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)));
// Keeps the process alive, like a service's listening socket.
setInterval(() => {}, 60_000);
console.log(JSON.stringify(server));
