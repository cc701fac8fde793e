import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OperatorError } from '#app/operator-error.ts';
import { Supervisor } from '#app/processes/supervisor.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { eventually } from '#test/support/wait.ts';
import type { Behavior } from './small-process.ts';

const program = fileURLToPath(new URL('./small-process.ts', import.meta.url));
const share = { port: 1, jobs: true, hashConcurrency: 1 };

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly pid?: number;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly error?: { readonly message: string };
}

describe('the supervisor of serving processes', () => {
  const supervisors: Supervisor[] = [];
  let lines: Line[];
  let failures: OperatorError[];

  beforeEach(() => {
    lines = [];
    failures = [];
  });

  afterEach(async () => {
    await Promise.all(supervisors.splice(0).map((supervisor) => supervisor.stop(0)));
    vi.unstubAllEnvs();
  });

  /** How every process behaves that is forked from now on. */
  const forkOnly = (behavior: Behavior) => void vi.stubEnv('SMALL_PROCESS', behavior);

  function supervise(count: number): Supervisor {
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
    const logger = createLogger({ level: 'info', service: 'test', version: '0', destination });
    const onGiveUp = (error: OperatorError) => void failures.push(error);
    const supervisor = new Supervisor({ count, share, logger, program, onGiveUp });
    supervisors.push(supervisor);
    return supervisor;
  }

  async function start(count: number, behavior: Behavior): Promise<Supervisor> {
    forkOnly(behavior);
    const supervisor = supervise(count);
    await supervisor.start();
    return supervisor;
  }

  const linesOf = (msg: string) => lines.filter((line) => line.msg === msg);
  const deaths = () => linesOf('a serving process ended');

  // A process that is busy for a second does not answer, so the merged values are waited for.
  const shows = (supervisor: Supervisor, line: string) =>
    eventually(async () => (await supervisor.renderMetrics([])).includes(`\n${line}\n`), { what: `it shows ${line}` });
  const isUnready = (supervisor: Supervisor, reason: RegExp) =>
    eventually(async () => reason.test((await supervisor.unready()) ?? ''), { what: `its reason is ${reason}` });

  /** Ends one process that is ready, as the kernel would; returns its id. */
  async function killOne(supervisor: Supervisor): Promise<number> {
    const reason = await supervisor.unready();
    const pid = Number(/^process (\d+):/.exec(reason ?? '')?.[1]);
    process.kill(pid, 'SIGKILL');
    return pid;
  }

  it('starts all of them, and merges their readiness and metrics', async () => {
    const supervisor = await start(3, 'serves');
    expect(supervisor.readyProcesses).toBe(3);
    await eventually(async () => (await supervisor.unready()) === undefined, { what: 'all of them are ready' });
    await shows(supervisor, 'requests_total 15');
    await shows(supervisor, 'sessions 9');
    expect([supervisor.deaths, failures]).toEqual([0, []]);
  });

  it('tells all of them to read their secrets again', async () => {
    const supervisor = await start(2, 'serves');
    supervisor.reload();
    await shows(supervisor, 'reloads 2');
    expect([supervisor.deaths, failures]).toEqual([0, []]);
  });

  it('is unready when one of them is, or does not answer', async () => {
    const supervisor = await start(2, 'is not ready');
    await isUnready(supervisor, /^process \d+: database: no connection$/);
    const silent = await start(1, 'does not answer');
    await isUnready(silent, /^process \d+: no answer$/);
  });

  it('replaces one that was killed, at once, and keeps what it counted', async () => {
    const supervisor = await start(2, 'is not ready');
    await shows(supervisor, 'requests_total 10');
    forkOnly('serves');
    const pid = await killOne(supervisor);
    await eventually(() => linesOf('a serving process was replaced').length === 1, { what: 'it is replaced' });
    expect(deaths()).toMatchObject([{ level: 'error', pid, signal: 'SIGKILL' }]);
    expect([supervisor.deaths, supervisor.readyProcesses]).toEqual([1, 2]);
    await shows(supervisor, 'requests_total 15');
    await shows(supervisor, 'sessions 6');
    expect(failures).toEqual([]);
  });

  it('has no process that is ready while the only one is replaced', async () => {
    const supervisor = await start(1, 'is not ready');
    forkOnly('exits');
    await killOne(supervisor);
    await eventually(() => supervisor.readyProcesses === 0, { what: 'it has ended' });
    expect(await supervisor.unready()).toBe('no process is ready');
  });

  it.each<[Behavior, RegExp, number]>([
    ['fails with a sentence', /^The port is taken\.$/, 1],
    ['rejects its settings', /^DATABASE_URL has no host\.$/, 78],
    ['exits', /^The serving process \d+ ended with the exit code 3 before it was ready\. The log says more\.$/, 1],
    ['is killed', /^The serving process \d+ ended by SIGKILL before it was ready\. The log says more\.$/, 1],
  ])('fails its start, and starts no second one, when the first %s', async (behavior, message, exitCode) => {
    forkOnly(behavior);
    const supervisor = supervise(3);
    await expect(supervisor.start()).rejects.toMatchObject({ message: expect.stringMatching(message), exitCode });
    expect(supervisor.readyProcesses).toBe(0);
    expect(deaths()).toEqual([]);
  });

  it('gives up at once when a replacement rejects its settings: no restart would help', async () => {
    const supervisor = await start(2, 'is not ready');
    forkOnly('rejects its settings');
    await killOne(supervisor);
    await eventually(() => failures.length > 0, { what: 'it gives up' });
    expect(failures).toMatchObject([{ message: 'DATABASE_URL has no host.', exitCode: 78 }]);
    expect(deaths().at(-1)).toMatchObject({ exitCode: 78, error: { message: 'DATABASE_URL has no host.' } });
    await eventually(() => supervisor.readyProcesses === 0, { what: 'the other one is stopped' });
  });

  it('gives up after five failed starts in a row, with the reason of the last one', async () => {
    const supervisor = await start(1, 'is not ready');
    forkOnly('fails with a sentence');
    await killOne(supervisor);
    await eventually(() => failures.length > 0, { what: 'it gives up', timeoutMs: 30_000 });
    expect(failures).toMatchObject([
      { message: 'The start of a process failed 5 times. The port is taken.', exitCode: 1 },
    ]);
    expect([supervisor.deaths, deaths().length]).toEqual([6, 6]);
  });

  it('stops them by SIGTERM, and starts none after that', async () => {
    const supervisor = await start(2, 'serves');
    await supervisor.stop(10_000);
    expect(supervisor.readyProcesses).toBe(0);
    expect([lines, supervisor.deaths, failures]).toEqual([[], 0, []]);
  });

  it('does not start a replacement that was due when the stop began', async () => {
    const stopped = await start(1, 'is not ready');
    const control = await start(1, 'is not ready');
    forkOnly('exits');
    await killOne(stopped);
    await eventually(() => stopped.deaths >= 2, { what: 'the replacement has ended too' });
    await stopped.stop(0);
    const { deaths: before } = stopped;
    await killOne(control);
    // The control waits as long for its second replacement, and began to wait later.
    await eventually(() => control.deaths > before, { what: 'the other supervisor has started the next replacement' });
    expect(stopped.deaths).toBe(before);
  });

  it('kills those that have not ended after the limit, and logs each', async () => {
    const supervisor = await start(2, 'ignores SIGTERM');
    await supervisor.stop(100);
    expect(linesOf('a serving process was killed')).toMatchObject([
      { pid: expect.any(Number) },
      { pid: expect.any(Number) },
    ]);
    expect(supervisor.readyProcesses).toBe(0);
  });
});
