import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import packageFile from '../package.json' with { type: 'json' };

/** The options and the program that `npm start` passes to Node.js. */
const [, options, program] = /^exec node ((?:--\S+ )*)(\S+)$/.exec(packageFile.scripts.start) ?? [];
if (options === undefined || program === undefined)
  throw new TypeError('package.json: the start script has an unexpected form');
const START = [...options.split(' ').filter(Boolean), join(import.meta.dirname, '..', program)];

/** The service in a process of its own, started like `npm start`. */
export interface ServiceProcess {
  /** The URL of the GraphQL endpoint. */
  readonly graphqlUrl: string;
  readonly child: ChildProcess;
  /** The printed lines so far. */
  readonly output: readonly string[];
  /** Drains and ends the service. Resolves to its exit status. */
  stop(): Promise<number | null>;
}

/**
 * Starts the service with these environment variables, on a free port unless PORT is set. Resolves when it prints its GraphQL URL.
 * Throws with its output if it ends before.
 */
export async function startServiceProcess(env: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const child = spawn(process.execPath, START, {
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  const exited = once(child, 'exit');
  const ready = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        output.push(line);
        const match = /GraphQL: (http:[^\s"]+)/.exec(line);
        if (match?.[1] !== undefined) resolve(match[1]);
      });
    }
  });
  const graphqlUrl = await Promise.race([ready, exited.then(() => null)]);
  if (graphqlUrl === null) throw new Error(`The service did not start:\n${output.join('\n')}`);
  return {
    graphqlUrl,
    child,
    output,
    async stop() {
      child.kill('SIGTERM');
      const [status] = await exited;
      return status;
    },
  };
}

/** Runs with a new service on a new embedded database, and removes both at the end. */
export async function withOwnService<T>(run: (graphqlUrl: string, pid: number) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-own-'));
  try {
    // Under root the database runs as another user, which needs access to the folder.
    await chmod(folder, 0o711);
    const service = await startServiceProcess({ LEDGER_DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'error' });
    try {
      return await run(service.graphqlUrl, service.child.pid ?? 0);
    } finally {
      await service.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
