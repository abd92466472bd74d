/** An error in the log. */
export interface FaultFacts {
  readonly type: string;
  readonly message: string;
  readonly sqlState?: string;
  readonly constraint?: string;
  readonly table?: string;
  /** The causes, the nearest first. */
  readonly causes?: readonly Omit<FaultFacts, 'causes' | 'stack'>[];
  readonly stack?: string;
}

/**
 * Returns the properties of an error that are safe to log. PostgreSQL's errors quote rows and parameters, and pg attaches its
 * client to some errors, with the key that cancels its queries.
 */
export function describeFault(error: unknown): FaultFacts {
  const causes = causesOf(error).map(factsOf);
  return {
    ...factsOf(error),
    ...(causes.length > 0 && { causes }),
    ...(error instanceof Error && error.stack !== undefined && { stack: error.stack }),
  };
}

/** Returns the innermost cause of a lost connection in a few words, such as `ECONNREFUSED 127.0.0.1:5432`. */
export function describeCause(error: unknown): string {
  const cause = causesOf(error).at(-1) ?? error;
  const { message, sqlState } = factsOf(cause);
  if (sqlState !== undefined) return `${sqlState} ${message}`;
  const { code, address, port } = propertiesOf(cause);
  if (code === undefined) return message;
  return address === undefined ? `${code} ${message}` : `${code} ${address}:${port}`;
}

function factsOf(error: unknown): Omit<FaultFacts, 'causes' | 'stack'> {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { name, message } = error;
  const { severity, code, constraint, table } = propertiesOf(error);
  return {
    type: error.constructor?.name || name,
    message,
    // Errors of the operating system have codes of their own; only PostgreSQL's have a severity.
    ...(severity !== undefined && code !== undefined && { sqlState: code }),
    ...(constraint !== undefined && { constraint }),
    ...(table !== undefined && { table }),
  };
}

/** A longer chain of causes is a cycle. */
const MAX_CAUSES = 8;

function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  for (let next = causeOf(error); next !== undefined && causes.length < MAX_CAUSES; next = causeOf(next)) {
    causes.push(next);
  }
  return causes;
}

/** Node tries each address of a host, and wraps the errors in one error without a message. */
function causeOf(error: unknown): unknown {
  if (error instanceof AggregateError) return error.errors[0];
  return error instanceof Error ? error.cause : undefined;
}

type Property = 'severity' | 'code' | 'constraint' | 'table' | 'address' | 'port';

function propertiesOf(error: unknown): Partial<Record<Property, string>> {
  return error instanceof Error ? (error as Partial<Record<Property, string>>) : {};
}
