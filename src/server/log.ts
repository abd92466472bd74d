import pino, { type DestinationStream, type LevelWithSilent, type Logger } from 'pino';

/** The service's log: lines of JSON on standard output, or wherever else is said. Errors come without the values of rows. */
export function createLog(level: LevelWithSilent, destination: DestinationStream = standardOutput()): Logger {
  return pino({ level, serializers: { err: tellError } }, destination);
}

/** The lines of one turn of the event loop go out together at its end: a write for each would take longer than making it. */
function standardOutput(): DestinationStream {
  const output = pino.destination(1);
  let lines = '';
  const writeAll = () => {
    if (lines !== '') output.write(lines);
    lines = '';
  };
  process.once('exit', writeAll);
  return {
    write: (line) => {
      if (lines === '') setImmediate(writeAll);
      lines += line;
    },
  };
}

/** Where PostgreSQL quotes the rows, keys and parameters that an error is about. */
const WITH_VALUES: readonly string[] = ['detail', 'where', 'internalQuery'];

function tellError(error: Error): Readonly<Record<string, unknown>> {
  const told = Object.entries(pino.stdSerializers.err(error));
  return Object.fromEntries(told.filter(([name]) => !WITH_VALUES.includes(name)));
}
