/** CPU use of other programs during a measurement: on a shared machine it determines a p99. */
import { readdirSync, readFileSync } from 'node:fs';
import { cpuMilliseconds } from '../../../bench/support/process-cost.ts';

/** Starts a measurement; the returned function returns how many cores other processes than `ours` have used since. */
export function watchOtherPrograms(ours: readonly number[]): () => number {
  const before = { atMs: performance.now(), busyMs: busyMilliseconds(), family: familyMilliseconds(ours) };
  return () => {
    const busyMs = busyMilliseconds() - before.busyMs;
    const spent = [...familyMilliseconds(ours)].map(([pid, ms]) => ms - (before.family.get(pid) ?? 0));
    const oursMs = spent.reduce((sum, ms) => sum + ms, 0);
    return Math.max(0, busyMs - oursMs) / (performance.now() - before.atMs);
  };
}

/** CPU time of these processes and of their children, by process. */
function familyMilliseconds(pids: readonly number[]): ReadonlyMap<number, number> {
  const family = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const pid = Number(name);
    try {
      if (pids.includes(pid) || pids.includes(parentOf(name))) family.set(pid, cpuMilliseconds(pid));
    } catch {
      // The process ended, as a backend of PostgreSQL may; its time is attributed to the others.
    }
  }
  return family;
}

function parentOf(pid: string): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Of all cores: everything but `idle` and `iowait` (proc_stat(5)), in hundredths of a second. */
function busyMilliseconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) * 10;
}
