/** Who runs where: the system under test alone on one core, everything else on the other. */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** The core of the system under test and of the references that are compared by CPU time. */
const systemCore = 0;
/** The core of the load generator, of PostgreSQL and of pgbench. */
const loadCore = 1;

/** A command line that runs on the core of the system under test. */
export function onSystemCore(command: readonly string[]): string[] {
  return ['taskset', '-c', String(systemCore), ...command];
}

/**
 * Moves this process to the load generator's core; what it starts inherits that.
 *
 * @throws Error when the machine cannot do it: numbers of two programs on one core would be about the scheduler.
 */
export function moveToLoadCore(): void {
  if (availableParallelism() < 2) throw new Error('the bench needs two cores: one for the system, one for the load');
  const moved = spawnSync('taskset', ['-a', '-p', '-c', String(loadCore), String(process.pid)], { encoding: 'utf8' });
  if (moved.status === 0) return;
  throw new Error(`the bench needs taskset (Debian: util-linux): ${moved.stderr || String(moved.error)}`);
}
