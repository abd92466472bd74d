import pino, { type DestinationStream, type LevelWithSilent, type Logger } from 'pino';

/** The service's log: lines of JSON on standard output, or wherever else is said. Errors come without the values of rows. */
export function createLog(level: LevelWithSilent, destination: DestinationStream = standardOutput()): Logger {
  return pino({ level, serializers: { err: tellError } }, destination);
}

/** The lines of one turn of the event loop go out together at its end: a write for each would take longer than all else of it. */
function standardOutput(): DestinationStream {
  const lines = pino.destination({ dest: 1, minLength: MAX_KEPT_BYTES });
  let isDue = false;
  const writeAll = () => {
    isDue = false;
    lines.flushSync();
  };
  return {
    write: (line) => {
      lines.write(line);
      if (isDue) return;
      isDue = true;
      setImmediate(writeAll);
    },
  };
}

const MAX_KEPT_BYTES = 8192;

/** Where PostgreSQL quotes the rows, keys and parameters that an error is about. */
const WITH_VALUES: readonly string[] = ['detail', 'where', 'internalQuery'];

function tellError(error: Error): Readonly<Record<string, unknown>> {
  const told = Object.entries(pino.stdSerializers.err(error));
  return Object.fromEntries(told.filter(([name]) => !WITH_VALUES.includes(name)));
}
