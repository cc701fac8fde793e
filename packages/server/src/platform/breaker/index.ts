/**
 * The circuit breaker for every external service: after consecutive failures the circuit opens, and calls return without
 * reaching the service. After a pause the circuit is half-open: one call tries the service.
 * Invariants: a call on an open circuit does not wait; while the trial call runs, no other call reaches the service.
 * Example with threshold 5 and 30 s: five failures → open for 30 s → one trial call → success closes the circuit, failure
 * opens it for another 30 s.
 */
import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhenResult,
} from 'cockatiel';
import type { Clock } from '#kernel/clock.ts';

/** The defaults of a breaker. */
export const breakerLimits = { failures: 5, openSeconds: 30 } as const;

export interface BreakerOptions {
  readonly clock: Clock;
  /** Consecutive failures that open the circuit; 5 by default. */
  readonly threshold?: number;
  /** How long the circuit stays open before a trial call; 30 by default. */
  readonly openSeconds?: number;
}

export type BreakerRun<T> =
  | { readonly kind: 'ran'; readonly outcome: T }
  /** The service was not called. Retry after `forSeconds`. */
  | { readonly kind: 'open'; readonly forSeconds: number };

/** The breaker of one service. `isOutage` decides which outcomes count as failures. */
export class Breaker<T> {
  readonly #clock: Clock;
  readonly #policy: CircuitBreakerPolicy;
  readonly #openSeconds: number;
  #openedMs = 0;

  constructor(
    { clock, threshold = breakerLimits.failures, openSeconds = breakerLimits.openSeconds }: BreakerOptions,
    isOutage: (outcome: T) => boolean,
  ) {
    this.#clock = clock;
    this.#openSeconds = openSeconds;
    this.#policy = circuitBreaker(
      handleWhenResult((outcome) => isOutage(outcome as T)),
      { halfOpenAfter: openSeconds * 1000, breaker: new ConsecutiveBreaker(threshold) },
    );
    this.#policy.onBreak(() => {
      this.#openedMs = clock.monotonicMs();
    });
  }

  /** Calls the service unless the circuit is open. */
  async run(call: () => Promise<T>): Promise<BreakerRun<T>> {
    try {
      return { kind: 'ran', outcome: await this.#policy.execute(call) };
    } catch (error) {
      if (!(error instanceof BrokenCircuitError)) throw error;
      return { kind: 'open', forSeconds: this.openForSeconds() };
    }
  }

  /** Seconds until the next trial call; 0 when the circuit is not open. */
  openForSeconds(): number {
    if (this.#policy.state !== CircuitState.Open) return 0;
    const passed = (this.#clock.monotonicMs() - this.#openedMs) / 1000;
    return Math.max(0, this.#openSeconds - passed);
  }
}
