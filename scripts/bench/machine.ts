import { cpus, totalmem } from 'node:os';
import { query } from './databases.ts';

/** What a commit is worth: a benchmark without them measures another promise. */
const DURABILITY = ['fsync', 'full_page_writes', 'synchronous_commit'];
const SETTINGS = [...DURABILITY, 'commit_delay', 'max_wal_size', 'shared_buffers', 'wal_sync_method'];

/** On what was measured. */
export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly node: string;
  readonly postgresql: string;
  /** What calls the function of the bare tables. */
  readonly functionCaller: string;
}

export function readMachine(versions: Pick<Machine, 'postgresql' | 'functionCaller'>): Machine {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? 'an unknown CPU',
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.version,
    ...versions,
  };
}

/** `settings`: by whose connections they were read. */
export function printMachine(
  { cores, cpu, memoryGb, node, postgresql, functionCaller }: Machine,
  settings: Readonly<Record<string, Settings>>,
): void {
  console.log(`${cores} cores of ${cpu}, ${memoryGb} GB of memory`);
  console.log(`Node ${node}, PostgreSQL ${postgresql}; the function is called by ${functionCaller}`);
  for (const [side, values] of Object.entries(settings)) {
    const list = Object.entries(values).map(([name, value]) => `${name} ${value}`);
    console.log(`settings of ${side}: ${list.join(', ')}`);
  }
}

export type Settings = Readonly<Record<string, string>>;

/** The live server's settings as the login of `url` has them. Throws unless a commit is durable there. */
export async function readSettings(url: string): Promise<Settings> {
  const rows = await query<{ name: string; setting: string }>(
    url,
    'select name, current_setting(name) as setting from unnest($1::text[]) as names (name)',
    [SETTINGS],
  );
  const settings = Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  const weak = DURABILITY.filter((name) => settings[name] !== 'on');
  if (weak.length > 0) throw new Error(`A commit is not durable on this server: ${weak.join(', ')} not on.`);
  return settings;
}
