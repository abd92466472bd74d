import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { quantile } from '../../latency.ts';
import type { Timing } from '../stage.ts';

const SAMPLE_MS = 500;
/** The unit in which Linux reports CPU time, independent of the kernel's own clock. */
const TICKS_PER_SECOND = 100;
/** How much the memory may still grow at the end: the heap varies between garbage collections. */
const FLAT = 1.1;

/** The resources of a process during a measurement. */
export interface Usage {
  /** CPU time in percent of one core, after the warm-up; null where the system does not report it. */
  readonly cpu: number | null;
  /** The peak of resident memory, in millions of bytes. */
  readonly peakMb: number;
  /** Whether memory had stopped growing: compares the last third of the samples with the middle one. */
  readonly flat: boolean;
}

/** Measures a process from the start of the warm-up to the end. */
export async function watchProcess(pid: number, { warmUpMs, durationMs }: Timing): Promise<Usage> {
  const start = performance.now();
  const [share, samples] = await Promise.all([
    cpuShare(pid, warmUpMs, durationMs),
    sampleMemory(pid, start + warmUpMs + durationMs),
  ]);
  const third = (n: number) =>
    samples.slice(Math.floor((samples.length * n) / 3), Math.floor((samples.length * (n + 1)) / 3));
  return {
    cpu: share,
    peakMb: Math.max(...samples) / 1e6,
    flat: quantile(third(2), 0.5) <= FLAT * quantile(third(1), 0.5),
  };
}

async function sampleMemory(pid: number, until: number): Promise<number[]> {
  const samples: number[] = [];
  while (performance.now() < until) {
    samples.push(await residentBytes(pid));
    await sleep(SAMPLE_MS);
  }
  return samples;
}

async function cpuShare(pid: number, warmUpMs: number, durationMs: number): Promise<number | null> {
  await sleep(warmUpMs);
  const [since, before] = [performance.now(), await cpuSeconds(pid)];
  await sleep(durationMs);
  const [until, after] = [performance.now(), await cpuSeconds(pid)];
  return before === null || after === null ? null : ((after - before) * 100_000) / (until - since);
}

/** Returns the CPU time of a process in seconds; null where the system does not report it. */
export async function cpuSeconds(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  // The program's name is in brackets and may contain spaces. utime and stime are fields 14 and 15 of proc(5).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => null);
  const kib =
    status === null
      ? (await promisify(execFile)('ps', ['-o', 'rss=', '-p', `${pid}`])).stdout
      : /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return Number(kib) * 1024;
}
