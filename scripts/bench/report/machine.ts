import { cpus, totalmem } from 'node:os';
import { query } from '../databases.ts';

/** The settings that make a commit durable. */
const DURABILITY = ['fsync', 'full_page_writes', 'synchronous_commit'];
const SETTINGS = [...DURABILITY, 'commit_delay', 'max_wal_size', 'shared_buffers', 'wal_sync_method'];

/** The machine of the measurements. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly node: string;
  readonly postgresql: string;
  /** The program that calls the function on the bare tables. */
  readonly functionCaller: string;
}

export function readMachine(versions: Pick<Machine, 'postgresql' | 'functionCaller'>): Machine {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'unknown CPU',
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.version,
    ...versions,
  };
}

/** `settings`: by the side of the comparison whose login read them. */
export function printMachine(
  { cores, cpu, memoryGb, node, postgresql, functionCaller }: Machine,
  settings: Readonly<Record<string, Settings>>,
): void {
  console.log(`${cores} cores (${cpu}), ${memoryGb} GB of memory`);
  console.log(`Node ${node}, PostgreSQL ${postgresql}; function called by ${functionCaller}`);
  for (const [side, values] of Object.entries(settings)) {
    const list = Object.entries(values).map(([name, value]) => `${name} ${value}`);
    console.log(`settings of ${side}: ${list.join(', ')}`);
  }
}

export type Settings = Readonly<Record<string, string>>;

/** Returns the server's settings for the login of `url`. Throws unless commits are durable. */
export async function readSettings(url: string): Promise<Settings> {
  const rows = await query<{ name: string; setting: string }>(
    url,
    'select name, current_setting(name) as setting from unnest($1::text[]) as names (name)',
    [SETTINGS],
  );
  const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  const weak = DURABILITY.filter((name) => settings[name] !== 'on');
  if (weak.length > 0) throw new Error(`Commits are not durable on this server. Turn on: ${weak.join(', ')}`);
  return settings;
}
