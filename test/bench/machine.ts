/** What processes cost, and how busy the machine is, from /proc. */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

const mib = 1024;
const ticksPerSecond = 100;

/** Resident memory. MiB. */
export interface Memory {
  readonly now: number;
  /** The highest since the process began. */
  readonly peak: number;
}

/** CPU time that a process has used, user and system. Seconds. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export function memory(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN) / mib;
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

/** Runnable processes, averaged over the last minute. */
export function load(): number {
  return Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]);
}

export function cores(): number {
  return cpus().length;
}

/** Seconds that all cores together have been busy. */
function busySeconds(): number {
  const [, user, nice, system, , , irq, softirq] =
    readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.split(/\s+/) ?? [];
  return [user, nice, system, irq, softirq].reduce((sum, ticks) => sum + Number(ticks), 0) / ticksPerSecond;
}

/** CPU seconds by process; `others` is what the rest of the machine used meanwhile: large, and the run does not count. */
export type CpuUse = Readonly<Record<string, number>>;

/** Begins to account for CPU time; call what it returns at the end. */
export function accountCpu(pids: Readonly<Record<string, number>>): () => CpuUse {
  const before = Object.entries(pids).map(([name, pid]) => [name, pid, cpuSeconds(pid)] as const);
  const ownBefore = process.cpuUsage();
  const busyBefore = busySeconds();
  return () => {
    const used = before.map(([name, pid, seconds]) => [name, cpuSeconds(pid) - seconds] as const);
    const { user, system } = process.cpuUsage(ownBefore);
    const known = used.reduce((sum, [, seconds]) => sum + seconds, (user + system) / 1e6);
    return { ...Object.fromEntries(used), others: Math.max(0, busySeconds() - busyBefore - known) };
  };
}
