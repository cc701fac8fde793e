/**
 * Spans as the product sees them. The current span travels with the asynchronous work that it covers; a part of that work adds
 * its own span with `inSpan`. Without a current span, because tracing is off or this request is not sampled, that costs one
 * look-up, and nothing of OpenTelemetry is loaded.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * All attributes of spans: names and numbers of ours, and identifiers that we generate, like the fields of log lines. They never
 * contain a path, a query, a header, SQL or a value of a caller.
 */
export interface SpanAttributes {
  readonly 'http.request.method'?: string;
  /** The route's pattern. */
  readonly 'http.route'?: string;
  readonly 'http.response.status_code'?: number;
  readonly 'latchkey.request_id'?: string;
  readonly 'latchkey.problem'?: string;
  readonly 'db.system.name'?: 'postgresql' | 'redis';
  /** The name of the statement. */
  readonly 'db.operation.name'?: string;
  readonly 'latchkey.lane'?: string;
  readonly 'latchkey.wait_ms'?: number;
  readonly 'latchkey.job.id'?: string;
  readonly 'latchkey.job.kind'?: string;
  readonly 'latchkey.job.attempt'?: number;
  /** Of a job, an outbound request or a mail. */
  readonly 'latchkey.outcome'?: string;
  readonly 'smtp.reply_code'?: number;
  readonly 'error.type'?: string;
}

export type SpanKind = 'server' | 'client' | 'consumer' | 'internal';

export interface Span {
  readonly traceId: string;
  /** For what continues the trace in another process (W3C Trace Context). */
  readonly traceparent: string;
  child(kind: SpanKind, name: string, attributes: SpanAttributes): Span;
  set(attributes: SpanAttributes): void;
  end(outcome?: 'ok' | 'error'): void;
}

const current = new AsyncLocalStorage<Span | undefined>();

/** Makes a span the current one of `work` and of everything that it starts. */
export function runInSpan<T>(span: Span | undefined, work: () => T): T {
  return span === undefined ? work() : current.run(span, work);
}

/** For work that a span happens to start, and that belongs to the process, such as timers and exports. */
export function runOutsideSpans<T>(work: () => T): T {
  return current.getStore() === undefined ? work() : current.run(undefined, work);
}

export function currentSpan(): Span | undefined {
  return current.getStore();
}

/** The position in the current trace, for a row that a later process reads; null without one. */
export function currentTraceparent(): string | null {
  return current.getStore()?.traceparent ?? null;
}

/** Runs `work` in a span below the current one; with `undefined` when there is none. A rejection marks the span as failed. */
export async function inSpan<T>(
  [kind, name, attributes]: readonly [kind: SpanKind, name: string, attributes: SpanAttributes],
  work: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  const span = current.getStore()?.child(kind, name, attributes);
  if (span === undefined) return work(undefined);
  try {
    const result = await work(span);
    span.end();
    return result;
  } catch (error) {
    span.end('error');
    throw error;
  }
}
