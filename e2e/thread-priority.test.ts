/** The threads for hashes have a lower priority than requests, whatever priority the server was started with. */
import { spawnSync } from 'node:child_process';
import { getPriority } from 'node:os';
import { expect, it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { startServer } from './support/server.ts';

it.each([0, 15])(
  'computes hashes on threads of lower priority than requests, started with nice -n %i',
  async (more) => {
    const server = await startServer({
      database: await cloneDatabase(),
      wrap: (command) => ['nice', '-n', String(more), ...command],
    });
    const threads = threadsOf(server.pid);
    await server.stop();
    if (process.platform !== 'linux') return;
    const pool = threads.filter(({ name }) => name.startsWith('libuv-worker'));
    expect(pool.length).toBeGreaterThan(1);
    const own = Math.min(19, getPriority() + more);
    expect(threads.find(({ id }) => id === server.pid)?.niceness).toBe(own);
    expect(new Set(pool.map(({ niceness }) => niceness))).toEqual(new Set([Math.min(19, own + 10)]));
  },
);

function threadsOf(pid: number): { readonly id: number; readonly niceness: number; readonly name: string }[] {
  const output = spawnSync('ps', ['-L', '-p', String(pid), '-o', 'lwp=,ni=,comm='], { encoding: 'utf8' }).stdout;
  return output
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .map(([id, niceness, name = '']) => ({ id: Number(id), niceness: Number(niceness), name }));
}
