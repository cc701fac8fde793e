/** The beginning of traces: for requests and for jobs. */

import type { SamplerName } from './sampling.ts';
import type { Span, SpanAttributes } from './spans.ts';
import type { TraceParent } from './trace-context.ts';

/** The beginning of a request. */
export interface TracedRequest {
  readonly operation: string;
  readonly name: string;
  readonly attributes: SpanAttributes;
  /** The position that the caller sent. */
  readonly caller: TraceParent | undefined;
  /** Whether the caller is a trusted proxy. The trace of any other is a link, and no reason to record. */
  readonly isTrusted: boolean;
}

/** One attempt at a job. */
export interface TracedJob {
  readonly id: string;
  readonly kind: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** The position in the trace that enqueued it. */
  readonly traceparent?: string | null;
}

export interface Tracer {
  /** Returns undefined when the request is not sampled. */
  startRequest(request: TracedRequest): Span | undefined;
  /**
   * The first attempt belongs to the trace that enqueued the job. A later one may run hours afterwards: it has a trace of its
   * own, which links to that.
   */
  startJob(job: TracedJob): Span | undefined;
  /** Sends what is left, for two seconds at most. */
  close(): Promise<void>;
}

export interface TracerOptions {
  /** The address for traces (OTLP over HTTP with protobuf). */
  readonly url: string;
  /** Read for each export. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly sampler: SamplerName | undefined;
  readonly ratio: number;
  /** Operations of which only a tenth is recorded without a sampler. */
  readonly frequent: ReadonlySet<string>;
  /** Attributes of the process, such as `service.name`. */
  readonly resource: Readonly<Record<string, string>>;
  /** Called with the number of spans that were not delivered. */
  readonly onDropped: (count: number) => void;
  /** Called when spans cannot be delivered any more, and with undefined when they can again. */
  readonly onExport: (error: Error | undefined) => void;
}
