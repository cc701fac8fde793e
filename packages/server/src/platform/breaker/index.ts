/**
 * The circuit breaker of every service outside: after some failures in a row it is left alone for a while, then one call
 * tries. Owns no table.
 * Invariants: an open circuit costs its caller no waiting; while one call tries, no other reaches the service.
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

/** When to stop trying, and for how long. */
export interface BreakerOptions {
  readonly clock: Clock;
  /** Failures in a row that open the circuit; 5 when not given. */
  readonly threshold?: number;
  /** How long nothing is tried; then one call tries; 30 when not given. */
  readonly openSeconds?: number;
}

/** What came of a call. */
export type BreakerRun<T> =
  | { readonly kind: 'ran'; readonly outcome: T }
  /** Not called; a call makes sense again in this long. */
  | { readonly kind: 'open'; readonly forSeconds: number };

/** One service's breaker; `isOutage` says which outcomes mean that the service is away. */
export class Breaker<T> {
  readonly #clock: Clock;
  readonly #policy: CircuitBreakerPolicy;
  readonly #openSeconds: number;
  #openedMs = 0;

  constructor({ clock, threshold = 5, openSeconds = 30 }: BreakerOptions, isOutage: (outcome: T) => boolean) {
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

  /** How long nothing will be tried; 0 when the circuit is closed. */
  openForSeconds(): number {
    if (this.#policy.state !== CircuitState.Open) return 0;
    const passed = (this.#clock.monotonicMs() - this.#openedMs) / 1000;
    return Math.max(0, this.#openSeconds - passed);
  }
}
