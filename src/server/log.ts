import pino, { type DestinationStream, type LevelWithSilent, type Logger } from 'pino';

/** The service's log: lines of JSON on standard output, or wherever else is said. Errors come without the values of rows. */
export function createLog(level: LevelWithSilent, destination?: DestinationStream): Logger {
  return pino({ level, serializers: { err: tellError } }, destination ?? pino.destination(1));
}

/** Where PostgreSQL quotes the rows, keys and parameters that an error is about. */
const WITH_VALUES: readonly string[] = ['detail', 'where', 'internalQuery'];

function tellError(error: Error): Readonly<Record<string, unknown>> {
  const told = Object.entries(pino.stdSerializers.err(error));
  return Object.fromEntries(told.filter(([name]) => !WITH_VALUES.includes(name)));
}
