import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhenResult,
} from 'cockatiel';
import type { Clock } from '#kernel/clock.ts';
import type { MailMessage, MailTransport, SendOutcome } from './message.ts';

/** When to stop trying, and for how long. */
export interface BreakerOptions {
  readonly clock: Clock;
  /** Failures in a row that open the circuit; 5 when not given. */
  readonly threshold?: number;
  /** How long nothing is tried; then one message tries; 30 when not given. */
  readonly openSeconds?: number;
}

/**
 * A transport that stops trying while its server is away, so that jobs wait instead of using up their attempts.
 * Answers about single messages (refusals) do not count, since a server that refuses is there; 421 is it leaving.
 */
export class BreakingTransport implements MailTransport {
  readonly #inner: MailTransport;
  readonly #clock: Clock;
  readonly #policy: CircuitBreakerPolicy;
  readonly #openSeconds: number;
  #openedMs = 0;

  constructor(inner: MailTransport, options: BreakerOptions) {
    const { clock, threshold = 5, openSeconds = 30 } = options;
    this.#inner = inner;
    this.#clock = clock;
    this.#openSeconds = openSeconds;
    this.#policy = circuitBreaker(handleWhenResult(isOutage), {
      halfOpenAfter: openSeconds * 1000,
      breaker: new ConsecutiveBreaker(threshold),
    });
    this.#policy.onBreak(() => {
      this.#openedMs = clock.monotonicMs();
    });
  }

  async send(message: MailMessage, signal?: AbortSignal): Promise<SendOutcome> {
    try {
      return await this.#policy.execute(() => this.#inner.send(message, signal));
    } catch (error) {
      if (!(error instanceof BrokenCircuitError)) throw error;
      return { kind: 'unavailable', retryAfterSeconds: Math.max(1, this.unavailableForSeconds()) };
    }
  }

  unavailableForSeconds(): number {
    if (this.#policy.state !== CircuitState.Open) return 0;
    const passed = (this.#clock.monotonicMs() - this.#openedMs) / 1000;
    return Math.max(0, this.#openSeconds - passed);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

function isOutage(outcome: unknown): boolean {
  const { kind, code } = outcome as { readonly kind: SendOutcome['kind']; readonly code?: number };
  return kind === 'failed' || kind === 'in_doubt' || (kind === 'refused' && code === 421);
}
