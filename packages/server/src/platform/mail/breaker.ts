import { Breaker, type BreakerOptions } from '#platform/breaker/index.ts';
import type { MailMessage, MailTransport, SendOutcome } from './message.ts';

/**
 * A transport behind a circuit breaker: while the server is down, jobs wait instead of using up their attempts.
 * A rejected message is not a failure of the server, except reply 421, by which it closes the connection (RFC 5321 §3.8).
 */
export class BreakingTransport implements MailTransport {
  readonly #inner: MailTransport;
  readonly #breaker: Breaker<SendOutcome>;

  constructor(inner: MailTransport, options: BreakerOptions) {
    this.#inner = inner;
    this.#breaker = new Breaker(options, isOutage);
  }

  async send(message: MailMessage, signal?: AbortSignal): Promise<SendOutcome> {
    const run = await this.#breaker.run(() => this.#inner.send(message, signal));
    if (run.kind === 'ran') return run.outcome;
    return { kind: 'unavailable', retryAfterSeconds: Math.max(1, run.forSeconds) };
  }

  unavailableForSeconds(): number {
    return this.#breaker.openForSeconds();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

function isOutage(outcome: SendOutcome): boolean {
  return (
    outcome.kind === 'failed' || outcome.kind === 'in_doubt' || (outcome.kind === 'refused' && outcome.code === 421)
  );
}
