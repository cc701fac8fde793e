/**
 * Reports errors of the log by Sentry's envelope protocol (Sentry Developer Documentation, "Envelopes"). Reports of one fault are
 * limited, the queue is bounded, and what is not sent is counted: the log has every line anyway.
 */
import type { Clock } from '#kernel/clock.ts';
import { type ErrorEvent, type EventOrigin, errorEventOf } from './error-event.ts';
import type { ReportedLine } from './logger.ts';
import { runOutsideSpans } from './spans.ts';

/** Sends one envelope. `refused` with a time: the service takes none before it is over. */
export type SendEnvelope = (
  envelope: string,
) => Promise<{ readonly kind: 'sent' } | { readonly kind: 'refused'; readonly pauseSeconds: number }>;

export interface ErrorReportsOptions extends EventOrigin {
  readonly dsn: string;
  readonly clock: Clock;
}

const queuedAtMost = 100;
const perFaultAtMost = 10;
const periodMs = 60_000;
/** Faults that are counted; further ones share one count. */
const faultsAtMost = 1000;
const closeMs = 2000;

export class ErrorReports {
  readonly #options: ErrorReportsOptions;
  #dsn: string;
  readonly #queue: ErrorEvent[] = [];
  readonly #faults = new Map<string, number>();
  #periodBeganMs = Number.NEGATIVE_INFINITY;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #send: SendEnvelope | undefined;
  #sending: Promise<void> | undefined;
  #dropped = 0;
  #onDropped: ((count: number) => void) | undefined;

  constructor(options: ErrorReportsOptions) {
    this.#options = options;
    this.#dsn = options.dsn;
  }

  /** Names another project in later reports. */
  useDsn(dsn: string): void {
    this.#dsn = dsn;
  }

  /** Never throws and never waits: it is called for lines of the log. */
  capture(line: ReportedLine): void {
    const { clock } = this.#options;
    const event = errorEventOf(line, this.#options, clock.now());
    const nowMs = clock.monotonicMs();
    if (!this.#admits(event.key, nowMs) || this.#queue.length >= queuedAtMost || nowMs < this.#pausedUntilMs) {
      this.#drop(1);
      return;
    }
    this.#queue.push(event);
    this.#start();
  }

  /** The sender exists later than the log, whose first errors wait in the queue. */
  connect(send: SendEnvelope, onDropped: (count: number) => void): void {
    this.#send = send;
    this.#onDropped = onDropped;
    if (this.#dropped > 0) onDropped(this.#dropped);
    this.#start();
  }

  /** Sends what is left, for two seconds at most. */
  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, closeMs);
    await Promise.race([this.#sending, promise]);
    clearTimeout(timer);
    this.#send = undefined;
  }

  #admits(key: string, nowMs: number): boolean {
    if (nowMs - this.#periodBeganMs >= periodMs) {
      this.#faults.clear();
      this.#periodBeganMs = nowMs;
    }
    const counted = this.#faults.has(key) || this.#faults.size < faultsAtMost ? key : '';
    const count = (this.#faults.get(counted) ?? 0) + 1;
    this.#faults.set(counted, count);
    return count <= perFaultAtMost;
  }

  #start(): void {
    if (this.#send === undefined || this.#sending !== undefined || this.#queue.length === 0) return;
    const send = this.#send;
    this.#sending = runOutsideSpans(() => this.#sendAll(send)).finally(() => {
      this.#sending = undefined;
      this.#start();
    });
  }

  async #sendAll(send: SendEnvelope): Promise<void> {
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      const result = await send(this.#envelope(event));
      if (result.kind === 'sent') continue;
      this.#pausedUntilMs = this.#options.clock.monotonicMs() + result.pauseSeconds * 1000;
      this.#drop(1 + this.#queue.splice(0).length);
    }
  }

  #envelope({ payload }: ErrorEvent): string {
    const { clock } = this.#options;
    const head = { event_id: payload.event_id, sent_at: clock.now().toISOString(), dsn: this.#dsn };
    return `${[head, { type: 'event' }, payload].map((part) => JSON.stringify(part)).join('\n')}\n`;
  }

  #drop(count: number): void {
    if (this.#onDropped === undefined) this.#dropped += count;
    else this.#onDropped(count);
  }
}
