/** Whether this process can serve: a list of checks, each with a bound. */
import { setTimeout as delay } from 'node:timers/promises';

/** One thing that a request needs. It answers a sentence when it is missing. */
export interface Check {
  readonly name: string;
  /** Worth telling when it is missing, but nothing fails without it. */
  readonly spare?: true;
  readonly ask: () => Promise<string | undefined> | string | undefined;
}

/** All checks together; a check that holds is `ok`. */
export interface Readiness {
  readonly status: 'ready' | 'not_ready';
  readonly checks: Readonly<Record<string, string>>;
}

const checkTimeoutMs = 1000;

/** Asks all at once; a check that throws or takes longer than a second is a missing thing, not a failure of the probe. */
export async function readiness(checks: readonly Check[]): Promise<Readiness> {
  const answers = await Promise.all(checks.map(async (check) => ({ check, answer: (await bounded(check)) ?? 'ok' })));
  const ready = answers.every(({ check, answer }) => answer === 'ok' || check.spare === true);
  const told = answers.map(({ check, answer }) => [check.name, answer] as const);
  return { status: ready ? 'ready' : 'not_ready', checks: Object.fromEntries(told) };
}

async function bounded(check: Check): Promise<string | undefined> {
  const timeout = new AbortController();
  try {
    const late = delay(checkTimeoutMs, `no answer within ${checkTimeoutMs} ms`, { signal: timeout.signal, ref: false });
    return await Promise.race([check.ask(), late]);
  } catch (error) {
    return error instanceof Error ? error.message : 'it failed';
  } finally {
    timeout.abort();
  }
}
