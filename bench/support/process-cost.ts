/** Resources used by a process, read from /proc. */
import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of all threads, user and system, in milliseconds. */
export function cpuMilliseconds(pid: number): number {
  return preciseMilliseconds(pid) ?? coarseMilliseconds(pid);
}

/** Resident memory in megabytes (10^6 bytes). */
export function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6;
}

/** The scheduler's sum, exact to the nanosecond, where the kernel exposes it. */
function preciseMilliseconds(pid: number): number | undefined {
  let total = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const milliseconds = taskMilliseconds(`/proc/${pid}/task/${task}/sched`);
    if (milliseconds === undefined) return undefined;
    total += milliseconds;
  }
  return total;
}

function taskMilliseconds(path: string): number | undefined {
  try {
    const found = /se\.sum_exec_runtime\s*:\s*([\d.]+)/.exec(readFileSync(path, 'utf8'));
    return found === null ? undefined : Number(found[1]);
  } catch {
    // A kernel without CONFIG_SCHED_DEBUG has no such file.
    return undefined;
  }
}

/** Resolution 10 ms: accurate to 1 % over windows of two seconds. */
function coarseMilliseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
