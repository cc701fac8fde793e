import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger, type Logger } from '#platform/telemetry/index.ts';
import { ProcessEnd } from './process-end.ts';

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly pid?: number;
  readonly error?: { readonly message: string };
}

function capture(): { readonly logger: Logger; readonly lines: Line[] } {
  const lines: Line[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
  return { logger: createLogger({ level: 'info', service: 'test', version: '0', destination }), lines };
}

const signals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const;

/** The value of a promise that has settled by now. */
async function settled<T>(promise: Promise<T>): Promise<T | 'pending'> {
  await new Promise((resolve) => setImmediate(resolve));
  return Promise.race([promise, Promise.resolve('pending' as const)]);
}

describe('the end of a process', () => {
  let end: ProcessEnd;
  let foreign: Map<string, readonly unknown[]>;

  beforeEach(() => {
    foreign = new Map([...signals, 'uncaughtException'].map((name) => [name, process.rawListeners(name)]));
    end = new ProcessEnd();
    end.watchSignals();
    end.watchErrors();
  });

  afterEach(() => {
    for (const name of foreign.keys()) for (const listener of ownListeners(name)) process.off(name, listener);
    vi.restoreAllMocks();
  });

  function ownListeners(name: string): ((...values: unknown[]) => void)[] {
    const all = process.rawListeners(name) as ((...values: unknown[]) => void)[];
    return all.filter((listener) => foreign.get(name)?.includes(listener) === false);
  }

  /** Calls the listeners of `end` alone: the test runner has listeners of its own. */
  function deliver(name: string, ...values: unknown[]): void {
    for (const listener of ownListeners(name)) listener(...values);
  }

  it.each(['SIGTERM', 'SIGINT', 'SIGQUIT'])('is requested by %s, orderly and without a fault', async (name) => {
    expect(await settled(end.requested)).toBe('pending');
    deliver(name);
    expect(await settled(end.requested)).toEqual({ reason: name, exitCode: 0, isOrderly: true });
    expect(end.hasFailed).toBe(false);
  });

  it('is immediate while nothing is open, and left to the part that has opened something', async () => {
    deliver('SIGTERM');
    expect(await settled(end.unattended)).toBe(0);
    const attended = new ProcessEnd();
    attended.attend(capture().logger, 'development');
    attended.request({ reason: 'a test', exitCode: 3, isOrderly: false });
    expect(await settled(attended.requested)).toMatchObject({ exitCode: 3 });
    expect(await settled(attended.unattended)).toBe('pending');
  });

  it('has the first reason, because one signal arrives up to three times', async () => {
    deliver('SIGINT');
    deliver('SIGINT');
    deliver('SIGTERM');
    expect(await settled(end.requested)).toMatchObject({ reason: 'SIGINT' });
  });

  it('after an unexpected error has the exit code 1, and the error is logged with its process', async () => {
    const { logger, lines } = capture();
    end.attend(logger, 'production');
    deliver('uncaughtException', new Error('unexpected'));
    expect(await end.requested).toEqual({ reason: 'an unexpected error', exitCode: 1, isOrderly: false });
    expect(end.hasFailed).toBe(true);
    const [line, ...others] = lines;
    expect(others).toEqual([]);
    expect(line).toMatchObject({ level: 'fatal', pid: process.pid, error: { message: 'unexpected' } });
  });

  it('after an unexpected error before there is a log writes to standard error, with addresses masked', async () => {
    const written: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    end.fail(new Error('mail to ada@example.com'));
    expect(await end.unattended).toBe(1);
    expect(written.join('')).toContain('an unexpected error ends the process');
    expect(written.join('')).not.toContain('ada@example.com');
  });

  it('by the end of a terminal session waits until the log can tell it', async () => {
    deliver('SIGHUP');
    expect(await settled(end.requested)).toBe('pending');
    end.attend(capture().logger, 'development');
    expect(await settled(end.requested)).toEqual({ reason: 'SIGHUP', exitCode: 0, isOrderly: true });
  });

  it('is not requested by SIGHUP in production, which reads the secrets again', async () => {
    let reloads = 0;
    end.attend(capture().logger, 'production');
    end.onReload(() => {
      reloads += 1;
    });
    deliver('SIGHUP');
    deliver('SIGHUP');
    expect(reloads).toBe(2);
    expect(await settled(end.requested)).toBe('pending');
  });

  it('is not requested by SIGHUP at any time of a start in production, after which the secrets are read once', async () => {
    let reloads = 0;
    deliver('SIGHUP');
    end.attend(capture().logger, 'production');
    deliver('SIGHUP');
    end.onReload(() => {
      reloads += 1;
    });
    expect(reloads).toBe(1);
    expect(await settled(end.requested)).toBe('pending');
    expect(await settled(end.unattended)).toBe('pending');
  });
});
