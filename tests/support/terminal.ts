import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { environment } from './docs.ts';

/** A terminal in which the service runs in the foreground. */
export interface Terminal {
  /** Where the service says that GraphQL is answered. */
  readonly graphqlUrl: string;
  /** The lines that were printed so far. */
  readonly output: readonly string[];
  /** Presses Ctrl+C, and resolves when everything that was started has ended. */
  interrupt(): Promise<void>;
}

/**
 * Gives shell commands, the last of which starts the service, to a shell, and resolves when that says where GraphQL is.
 * Throws with all that was printed where they end before. The test's end is an end of all that was started too.
 */
export async function startInTerminal(
  folder: string,
  commands: string,
  variables: Readonly<Record<string, string>>,
): Promise<Terminal> {
  const child = spawn('sh', ['-euc', commands], {
    cwd: folder,
    env: { ...environment(), PORT: '0', ...variables },
    // A process group of its own, as a terminal makes one for what runs in its foreground.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let running = true;
  // Not the shell's exit: its output is closed when the last process that can write to it has ended.
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
