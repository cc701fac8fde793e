/** A server with several processes (`serve --processes`). */
import { execFileSync } from 'node:child_process';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { type RunningServer, type ServerOptions, startServer } from './server.ts';

export const processCount = 4;

/** At SIGUSR2 a process has an error that nothing catches. */
const fault = "process.on('SIGUSR2', () => void Promise.reject(new Error('for ada@example.com')))";

/** Starts the server and waits until each of its processes is ready. */
export async function startProcesses(options: ServerOptions): Promise<RunningServer> {
  const server = await startServer({
    ...options,
    parameters: ['--processes', String(processCount)],
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(fault)}` },
  });
  await eventually(async () => (await fetch(`${server.opsUrl}/readyz`)).status === 200, {
    what: 'all processes have started',
    timeoutMs: 60_000,
  });
  return server;
}

/** The processes that the parent forked. */
export function childPids(server: RunningServer): number[] {
  const listed = execFileSync('ps', ['-e', '-o', 'ppid=,pid='], { encoding: 'utf8' });
  const pairs = listed
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([parent, pid]) => (parent === server.pid && pid !== undefined ? [pid] : []));
}

interface LogLine {
  readonly pid: number;
  readonly signal?: string;
  readonly exitCode?: number;
}

/** The lines of the log with this message. */
export function linesOf(server: RunningServer, message: string): LogLine[] {
  const lines = server.logs().split('\n');
  return lines.filter((line) => line.includes(`"${message}"`)).map((line) => JSON.parse(line) as LogLine);
}

/** The deaths of processes that the parent has logged. */
export const deathsOf = (server: RunningServer): LogLine[] => linesOf(server, 'a serving process ended');
