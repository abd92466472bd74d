import pino, { type DestinationStream, type LevelWithSilent, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { describeFault } from './fault.ts';

/**
 * Creates the service's log, on standard output by default: JSON lines, or readable lines on a terminal. Errors are logged without
 * the values of rows.
 */
export function createLog(level: LevelWithSilent, destination: DestinationStream = output(1)): Logger {
  return pino({ level, serializers: { err: describeFault } }, destination);
}

/** Reports on standard error why the service exits. */
export function reportEnd(error: unknown): void {
  createLog('fatal', output(2)).fatal({ err: error }, 'the service exits because of an internal error');
}

/**
 * Writes the lines of one turn of the event loop together at its end: a write per line would take longer than formatting it.
 */
function output(descriptor: 1 | 2): DestinationStream {
  const stream = pino.destination(descriptor);
  const { isTTY = false } = descriptor === 1 ? process.stdout : process.stderr;
  const format = isTTY ? readable() : (line: string) => line;
  let lines = '';
  const writeAll = () => {
    if (lines !== '') stream.write(lines);
    lines = '';
  };
  process.once('exit', writeAll);
  return {
    write: (line) => {
      if (lines === '') setImmediate(writeAll);
      lines += format(line);
    },
  };
}

function readable(): (line: string) => string {
  const colorize = process.env['NO_COLOR'] === undefined || process.env['NO_COLOR'] === '';
  return prettyFactory({ colorize, singleLine: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss' });
}
