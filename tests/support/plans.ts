import { randomUUID } from 'node:crypto';
import { asOwner, serverLog, type TestDatabase } from './database.ts';

/** How the server executed a statement, by its own log. */
export interface ExecutedPlan {
  /** The number of pages that were read, in the cache or not. */
  readonly buffers: number;
  /** Each scan of a table: its method, and how many rows it read, including those that it discarded. */
  readonly scans: readonly Scan[];
}
export interface Scan {
  readonly way: string;
  readonly table: string;
  readonly rows: number;
}

/** Makes the server log the executed plan of each statement of later connections. */
export async function logPlans(database: TestDatabase): Promise<void> {
  const settings = {
    session_preload_libraries: 'auto_explain',
    'auto_explain.log_min_duration': '0',
    'auto_explain.log_analyze': 'on',
    'auto_explain.log_buffers': 'on',
    'auto_explain.log_timing': 'off',
    'auto_explain.log_format': 'json',
  };
  await asOwner(
    database,
    `load 'auto_explain'`,
    ...Object.entries(settings).map(
      ([name, value]) => `alter database ${database.name} set ${name} = '${value}'`,
    ),
  );
}

/** Returns the executed plans of all statements while `run` runs. */
export async function plansOf(database: TestDatabase, run: () => Promise<unknown>): Promise<ExecutedPlan[]> {
  const mark = async () => {
    const text = `mark ${randomUUID()}`;
    await asOwner(database, `select '${text}'`);
    return text;
  };
  const from = await mark();
  await run();
  const to = await mark();
  const log = await serverLog(database);
  const placeOf = (text: string) => log.findIndex((message) => message.includes(text));
  return log.slice(placeOf(from) + 1, placeOf(to)).flatMap((message) => {
    const json = /plan:\s*(\{.*\})/s.exec(message)?.[1];
    if (json === undefined) return [];
    const { Plan: root } = JSON.parse(json.replaceAll('\t', ' ')) as { readonly Plan: PlanNode };
    const buffers = (root['Shared Hit Blocks'] ?? 0) + (root['Shared Read Blocks'] ?? 0);
    return [{ buffers, scans: scansOf(root) }];
  });
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows'?: number;
  readonly 'Actual Loops'?: number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly Plans?: readonly PlanNode[];
}

function scansOf(node: PlanNode): Scan[] {
  const below = (node.Plans ?? []).flatMap(scansOf);
  const { 'Relation Name': table } = node;
  if (table === undefined) return below;
  const each =
    (node['Actual Rows'] ?? 0) +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0);
  return [{ way: node['Node Type'], table, rows: each * (node['Actual Loops'] ?? 0) }, ...below];
}
