import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import packageFile from '../package.json' with { type: 'json' };

/** What `npm start` gives to Node: options, and the program. */
const [, options, program] = /^exec node ((?:--\S+ )*)(\S+)$/.exec(packageFile.scripts.start) ?? [];
if (options === undefined || program === undefined) throw new TypeError('npm start is another command');
const START = [...options.split(' ').filter(Boolean), join(import.meta.dirname, '..', program)];

/** The service as its users run it: a process of its own. */
export interface ServiceProcess {
  /** Where GraphQL is answered. */
  readonly graphqlUrl: string;
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly output: readonly string[];
  /** Has it drain and end, and resolves to its exit status. */
  stop(): Promise<number | null>;
}

/**
 * Starts the program of `npm start` with this environment, on a free port unless it names one, and resolves when it says
 * where GraphQL is. Throws with what it printed where it ends before.
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

/** Runs on a service of its own, on a new embedded database, which goes with it. */
export async function withOwnService<T>(run: (graphqlUrl: string, pid: number) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-own-'));
  try {
    // Under root the database runs as another user, who must be able to enter the folder.
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
