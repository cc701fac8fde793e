import { describe, expect, it } from 'vitest';
import { type Config, loadConfig } from '#config/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { type Life, Lifecycle, logWarnings, runUntilStopped } from './lifecycle.ts';
import { ProcessEnd, type StopRequest } from './process-end.ts';

const orderly: StopRequest = { reason: 'SIGTERM', exitCode: 0, isOrderly: true };
const disorderly: StopRequest = { reason: 'an unexpected error', exitCode: 1, isOrderly: false };

async function configWith(env: Readonly<Record<string, string>> = {}): Promise<Config> {
  const loaded = await loadConfig({ env: { NODE_ENV: 'test', ...env }, files: () => ({ kind: 'absent' }), cwd: '/' });
  if (loaded.kind !== 'ok') throw new Error(loaded.mistakes.join('\n'));
  return loaded.config;
}

const times = { ...(await configWith()).http, shutdownDelaySeconds: 0.02, drainSeconds: 3600 };

describe('the phases of a process', () => {
  it('are unready before it serves and once it stops', async () => {
    const lifecycle = new Lifecycle();
    expect(lifecycle.unready).toBe('starting');
    lifecycle.serve();
    expect(lifecycle.unready).toBeUndefined();
    await lifecycle.stop(orderly, times);
    expect(lifecycle.unready).toBe('stopping');
  });

  it('turn unready before the load balancers get their time, and requests get theirs after it', async () => {
    const lifecycle = new Lifecycle();
    lifecycle.serve();
    const seen: (string | undefined)[] = [];
    lifecycle.onStopping(() => seen.push(lifecycle.unready));
    const stopping = lifecycle.stop(orderly, times);
    expect(seen).toEqual(['stopping']);
    expect(lifecycle.graceLeftMs).toBe(0);
    await stopping;
    expect(lifecycle.isOrderlyStop).toBe(true);
    expect(lifecycle.graceLeftMs).toBeGreaterThan(3_500_000);
    expect(lifecycle.graceLeftMs).toBeLessThanOrEqual(3_600_000);
  });

  it('give requests five seconds after an error, and wait for no load balancer', async () => {
    const lifecycle = new Lifecycle();
    lifecycle.serve();
    await lifecycle.stop(disorderly, { ...times, shutdownDelaySeconds: 3600 });
    expect(lifecycle.isOrderlyStop).toBe(false);
    expect(lifecycle.graceLeftMs).toBeGreaterThan(3000);
    expect(lifecycle.graceLeftMs).toBeLessThanOrEqual(5000);
  });

  it('wait for nothing when the process has not served', async () => {
    const lifecycle = new Lifecycle();
    let calls = 0;
    lifecycle.onStopping(() => {
      calls += 1;
    });
    await lifecycle.stop(orderly, { ...times, shutdownDelaySeconds: 3600 });
    expect([calls, lifecycle.isOrderlyStop, lifecycle.graceLeftMs]).toEqual([0, false, 0]);
  });
});

describe('a process that runs until it is stopped', () => {
  async function setUp() {
    const lines: { readonly msg: string; readonly detail?: string }[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
    const logger = createLogger({ level: 'info', service: 'test', version: '0', destination });
    const closed: string[] = [];
    const end = new ProcessEnd();
    const config = await configWith({ LATCHKEY_DRAIN_SECONDS: '1' });
    const open = async ({ resources, lifecycle }: Life) => {
      resources.add('listener', () => closed.push('listener'));
      lifecycle.serve();
    };
    return { surroundings: { config, logger, end }, end, lines, closed, open };
  }

  it('returns the exit code of the request after everything is closed, and logs the reason', async () => {
    const { surroundings, end, lines, closed, open } = await setUp();
    const running = runUntilStopped(surroundings, open);
    end.request(orderly);
    expect(await running).toBe(0);
    expect(closed).toEqual(['listener']);
    expect(lines).toMatchObject([{ msg: 'stopping', detail: 'SIGTERM' }]);
  });

  it('returns 1 when an error happened after the request', async () => {
    const { surroundings, end, open, closed } = await setUp();
    const running = runUntilStopped(surroundings, open);
    end.request(orderly);
    end.fail(new Error('while stopping'));
    expect(await running).toBe(1);
    expect(closed).toEqual(['listener']);
  });

  it('throws the sentence for the operator, after everything is closed', async () => {
    const { surroundings, end, closed, open } = await setUp();
    const running = runUntilStopped(surroundings, open);
    end.request({ ...disorderly, error: new Error('The processes end again and again.') });
    await expect(running).rejects.toThrow('The processes end again and again.');
    expect(closed).toEqual(['listener']);
  });

  it('closes what a failed start had opened, and throws its error', async () => {
    const { surroundings, closed, open } = await setUp();
    const failing = async (life: Life) => {
      await open(life);
      throw new Error('the port is taken');
    };
    await expect(runUntilStopped(surroundings, failing)).rejects.toThrow('the port is taken');
    expect(closed).toEqual(['listener']);
  });

  it('ends a start that takes too long for a signal, and what it opens later is closed at once', async () => {
    const { surroundings, end, closed } = await setUp();
    const start = Promise.withResolvers<void>();
    let opening: Promise<void> | undefined;
    const running = runUntilStopped(surroundings, ({ resources }) => {
      opening = start.promise.then(() => resources.add('late', () => closed.push('late')));
      return opening;
    });
    end.request(orderly);
    expect(await running).toBe(0);
    start.resolve();
    await expect(opening).rejects.toThrow('The process is stopping.');
    expect(closed).toEqual(['late']);
  });

  it('logs each setting without an effect once', async () => {
    const { surroundings, lines } = await setUp();
    logWarnings({ ...surroundings.config, warnings: ['one', 'two'] }, surroundings.logger);
    expect(lines.map(({ detail }) => detail)).toEqual(['one', 'two']);
  });
});
