import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { quantile } from '../latency.ts';
import type { Timing } from './stage.ts';

const SAMPLE_MS = 500;
/** Of the clock in which Linux counts a process's time, whatever its own is. */
const TICKS_PER_SECOND = 100;
/** By how much what a process takes may still grow at the end: its heap is collected now and then. */
const FLAT = 1.1;

/** What a process took of the machine while it was watched. */
export interface Usage {
  /** Per cent of one core, between the warm-up and the end; null where the system does not tell. */
  readonly cpu: number | null;
  /** Resident memory at its most, in millions of bytes. */
  readonly peakMb: number;
  /** Whether its memory had stopped growing: the last third of the time beside the middle one. */
  readonly flat: boolean;
}

/** Watches a process from the beginning of the warm-up to the end. */
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

/** What a process has taken of the processors so far; null where the system does not tell. */
export async function cpuSeconds(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  // The program's name stands in brackets, and may have blanks. utime and stime are the 14th and 15th field of proc(5).
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
