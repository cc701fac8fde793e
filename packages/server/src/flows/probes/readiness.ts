import { setTimeout as delay } from 'node:timers/promises';

/** The check of one dependency. */
export interface Check {
  readonly name: string;
  /** The check is reported, but requests do not fail without the dependency, so it does not affect readiness. */
  readonly optional?: true;
  /** Returns undefined when the dependency is available, otherwise a sentence for the operator. */
  readonly run: () => Promise<string | undefined> | string | undefined;
}

/** The results by name; a passed check is `ok`. */
export interface Readiness {
  readonly status: 'ready' | 'not_ready';
  readonly checks: Readonly<Record<string, string>>;
}

const checkTimeoutMs = 1000;

/** Runs all checks concurrently. A check that throws or takes longer than a second has failed; the probe itself never does. */
export async function readiness(checks: readonly Check[]): Promise<Readiness> {
  const results = await Promise.all(
    checks.map(async (check) => ({ check, result: (await runBounded(check)) ?? 'ok' })),
  );
  const isReady = results.every(({ check, result }) => result === 'ok' || check.optional === true);
  const byName = results.map(({ check, result }) => [check.name, result] as const);
  return { status: isReady ? 'ready' : 'not_ready', checks: Object.fromEntries(byName) };
}

async function runBounded(check: Check): Promise<string | undefined> {
  const timeout = new AbortController();
  try {
    const late = delay(checkTimeoutMs, `no response within ${checkTimeoutMs} ms`, {
      signal: timeout.signal,
      ref: false,
    });
    return await Promise.race([check.run(), late]);
  } catch (error) {
    return error instanceof Error ? error.message : 'the check failed';
  } finally {
    timeout.abort();
  }
}
