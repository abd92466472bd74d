import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { environment } from './docs.ts';

/** A terminal in which the service runs in the foreground. */
export interface Terminal {
  /** The URL of the GraphQL endpoint, as the service prints it. */
  readonly graphqlUrl: string;
  /** The lines printed so far. */
  readonly output: readonly string[];
  /** Presses Ctrl+C, and resolves when all started processes have ended. */
  interrupt(): Promise<void>;
}

/**
 * Runs commands in a shell, the last of which starts the service, and resolves when the service prints the URL of its GraphQL
 * endpoint. If they end before, throws their output. All started processes end with the test.
 */
export async function startInTerminal(
  folder: string,
  commands: string,
  variables: Readonly<Record<string, string>>,
): Promise<Terminal> {
  const child = spawn('sh', ['-euc', commands], {
    cwd: folder,
    env: { ...environment(), PORT: '0', ...variables },
    // A separate process group, as a terminal creates it for its foreground processes.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let running = true;
  // Not at the shell's exit: its output is closed when the last process that can write to it has ended.
  const ended = once(child, 'close').then(() => {
    running = false;
    return null;
  });
  const interrupt = async () => {
    if (running && child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    await ended;
  };
  onTestFinished(interrupt);

  const output: string[] = [];
  const ready = new Promise<string>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        output.push(line);
        const url = /GraphQL: (http:[^\s"]+)/.exec(line)?.[1];
        if (url !== undefined) resolve(url);
      });
    }
  });
  const graphqlUrl = await Promise.race([ready, ended]);
  if (graphqlUrl === null) throw new Error(`The service did not start:\n${output.join('\n')}`);
  return { graphqlUrl, output, interrupt };
}
