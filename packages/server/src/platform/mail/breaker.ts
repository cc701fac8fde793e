import { Breaker, type BreakerOptions } from '#platform/breaker/index.ts';
import type { Dependencies } from '#platform/dependencies/index.ts';
import type { MailMessage, MailTransport, SendOutcome } from './message.ts';

/**
 * A transport behind a circuit breaker: while the server is down, jobs wait instead of using up their attempts.
 * Failures are reported with the server's own words: a message is a dead letter only after a day.
 * A rejected message is not a failure of the server, except reply 421, by which it closes the connection (RFC 5321 §3.8).
 */
export class BreakingTransport implements MailTransport {
  readonly #inner: MailTransport;
  readonly #breaker: Breaker<SendOutcome>;
  readonly #dependencies: Dependencies;

  constructor(inner: MailTransport, options: BreakerOptions & { readonly dependencies: Dependencies }) {
    this.#inner = inner;
    this.#breaker = new Breaker(options, isOutage);
    this.#dependencies = options.dependencies;
  }

  async send(message: MailMessage, signal?: AbortSignal): Promise<SendOutcome> {
    const run = await this.#breaker.run(() => this.#inner.send(message, signal));
    if (run.kind === 'open') return { kind: 'unavailable', retryAfterSeconds: Math.max(1, run.forSeconds) };
    // The failure of a worker that is stopping is its own.
    if (signal?.aborted !== true) this.#report(run.outcome);
    return run.outcome;
  }

  #report(outcome: SendOutcome): void {
    if (outcome.kind === 'failed' || outcome.kind === 'in_doubt') this.#dependencies.refused('smtp', outcome.reason);
    else if (outcome.kind === 'refused' && outcome.code === 421) this.#dependencies.refused('smtp', outcome.reply);
    else this.#dependencies.works('smtp');
    if (outcome.kind === 'refused' && outcome.code !== 421) this.#dependencies.rejected('smtp', outcome.reply);
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
