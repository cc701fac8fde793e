import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';

/** The check of one dependency. */
export interface Check {
  readonly name: string;
  /** The check is reported, but requests do not fail without the dependency, so it does not affect readiness. */
  readonly optional?: true;
  /** Its result is shared for a second, because it reaches a service. Other checks read memory and run at each call. */
  readonly shared?: true;
  /** Returns undefined when the dependency is available, otherwise a sentence for the operator. */
  readonly run: () => Promise<string | undefined> | string | undefined;
}

/** The results by name; a passed check is `ok`. */
export interface ReadinessResult {
  readonly status: 'ready' | 'not_ready';
  readonly checks: Readonly<Record<string, string>>;
}

const checkTimeoutMs = 1000;
const sharedForMs = 1000;

type Results = ReadonlyMap<Check, string>;

/**
 * Runs the checks of a process. Anyone may ask at any rate, and an anonymous flood must not reach the database: the shared
 * checks run at most once a second, for both listeners together.
 */
export class Readiness {
  readonly #checks: readonly Check[];
  readonly #clock: Clock;
  readonly #onChange: (name: string, result: string) => void;
  #shared: { readonly startedMs: number; readonly results: Promise<Results> } | undefined;
  #before: Results = new Map();
  #latest: Readonly<Record<string, string>> = {};

  /** @param options `onChange` is called when a shared check passes or fails for another reason than before. */
  constructor(options: {
    readonly checks: readonly Check[];
    readonly clock: Clock;
    readonly onChange?: (name: string, result: string) => void;
  }) {
    this.#checks = options.checks;
    this.#clock = options.clock;
    this.#onChange = options.onChange ?? (() => undefined);
  }

  /** A check that throws or takes longer than a second has failed; this itself never does. */
  async read(): Promise<ReadinessResult> {
    const shared = await this.#sharedResults();
    const own = await runAll(this.#checks.filter((check) => check.shared !== true));
    const results = this.#checks.map((check) => ({ check, result: shared.get(check) ?? own.get(check) ?? 'ok' }));
    const isReady = results.every(({ check, result }) => result === 'ok' || check.optional === true);
    const byName = results.map(({ check, result }) => [check.name, result] as const);
    this.#latest = Object.fromEntries(byName);
    return { status: isReady ? 'ready' : 'not_ready', checks: this.#latest };
  }

  /** The results of the last `read`, for metrics, which must not wait for a service. Starts the next one. */
  latest(): ReadinessResult['checks'] {
    void this.read();
    return this.#latest;
  }

  #sharedResults(): Promise<Results> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#shared !== undefined && nowMs - this.#shared.startedMs < sharedForMs) return this.#shared.results;
    const results = this.#runShared();
    this.#shared = { startedMs: nowMs, results };
    return results;
  }

  async #runShared(): Promise<Results> {
    const results = await runAll(this.#checks.filter((check) => check.shared === true));
    for (const [check, result] of results) {
      if (result !== (this.#before.get(check) ?? 'ok')) this.#onChange(check.name, result);
    }
    this.#before = results;
    return results;
  }
}

async function runAll(checks: readonly Check[]): Promise<Results> {
  const results = await Promise.all(checks.map(async (check) => [check, (await runBounded(check)) ?? 'ok'] as const));
  return new Map(results);
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
    if (error instanceof Problem && error.log !== undefined) return error.log;
    return error instanceof Error ? error.message : 'the check failed';
  } finally {
    timeout.abort();
  }
}
