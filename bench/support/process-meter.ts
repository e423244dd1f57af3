import { readFileSync } from 'node:fs';

/** Linux counts a process's time in hundredths of a second, whatever the kernel's own tick. */
const TICK_MS = 10;

/** What a process has used of the processor so far, in milliseconds: its own time and the kernel's on its behalf, all threads. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in brackets may hold spaces; user and system time are the 12th and 13th fields behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory of a process, in bytes. */
export function residentBytes(pid: number): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes ?? Number.NaN) * 1024;
}

/** What a process has written so far, to sockets and files, in bytes. */
export function writtenBytes(pid: number): number {
  const [, bytes] = /wchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'utf8')) ?? [];
  return Number(bytes ?? Number.NaN);
}

/** Time and processor time that a piece of work took. */
export interface Spent {
  readonly wallMs: number;
  readonly cpuMs: number;
}

/** Runs `work` and tells what it took, of the clock and of the processor in the given process. */
export async function measure(pid: number, work: () => Promise<void>): Promise<Spent> {
  const cpuBefore = cpuMs(pid);
  const before = performance.now();
  await work();
  return { wallMs: performance.now() - before, cpuMs: cpuMs(pid) - cpuBefore };
}

/** Processor time that a process uses per second while nothing is asked of it, in milliseconds. */
export async function idleCpuMsPerSecond(pid: number, forMs: number): Promise<number> {
  const spent = await measure(pid, () => pause(forMs));
  return (spent.cpuMs / spent.wallMs) * 1_000;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
