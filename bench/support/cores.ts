/** Assigns cores: one to the system under test, the other to everything else. */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Command } from '../../e2e/support/program.ts';

/** The core of the system under test and of references compared by CPU time. */
const systemCore = 0;
/** The core of the load generator, PostgreSQL and pgbench. */
const loadCore = 1;

/** A command line on the core of the system under test. */
export function onSystemCore(command: Command): Command {
  return ['taskset', '-c', String(systemCore), ...command];
}

/** Whether this process is on the load core, where it has one core to itself. */
let isMoved = false;

/**
 * Moves this process and its future children to the load core, once.
 *
 * @throws Error when that is impossible: programs that share a core would measure the scheduler.
 */
export function moveToLoadCore(): void {
  if (isMoved) return;
  if (availableParallelism() < 2) throw new Error('the bench needs two cores: one for the system, one for the load');
  const result = spawnSync('taskset', ['-a', '-p', '-c', String(loadCore), String(process.pid)], { encoding: 'utf8' });
  isMoved = result.status === 0;
  if (isMoved) return;
  throw new Error(`the bench needs taskset (Debian: util-linux): ${result.stderr || String(result.error)}`);
}
