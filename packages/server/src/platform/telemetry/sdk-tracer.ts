/** The tracer over OpenTelemetry's SDK. Imported lazily by `open-tracer.ts`, and by nothing else. */
import {
  type Link,
  ROOT_CONTEXT,
  SpanKind as SdkKind,
  type Span as SdkSpan,
  type Tracer as SdkTracerApi,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOnSampler,
  BatchSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { Sampling } from './sampling.ts';
import { runOutsideSpans, type Span, type SpanAttributes, type SpanKind } from './spans.ts';
import { formatTraceparent, parseTraceparent, type TraceParent } from './trace-context.ts';
import type { TracedJob, TracedRequest, Tracer, TracerOptions } from './tracer.ts';

const queuedAtMost = 8192;
const batchAtMost = 1024;
const delayMs = 1000;
const exportTimeoutMs = 5000;
const closeMs = 2000;

const kinds: Readonly<Record<SpanKind, SdkKind>> = {
  server: SdkKind.SERVER,
  client: SdkKind.CLIENT,
  consumer: SdkKind.CONSUMER,
  internal: SdkKind.INTERNAL,
};

export class SdkTracer implements Tracer {
  readonly #tracer: SdkTracerApi;
  readonly #provider: TracerProvider;
  readonly #sampling: Sampling;

  constructor(options: TracerOptions) {
    const { url, headers, resource } = options;
    this.#sampling = new Sampling(options);
    const exporter = new CountingExporter(
      new OTLPTraceExporter({ url, headers: async () => ({ ...headers() }) }),
      options,
    );
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes(resource),
      // Every span is recorded: a request that is not sampled has none.
      sampler: new AlwaysOnSampler(),
      spanProcessors: [new BoundedProcessor(exporter, options)],
    });
    this.#tracer = this.#provider.getTracer('latchkey');
  }

  startRequest({ operation, name, attributes, caller, isTrusted }: TracedRequest): Span | undefined {
    const parent = isTrusted ? caller : undefined;
    if (!this.#sampling.isSampled(operation, parent)) return undefined;
    const links = caller === undefined || isTrusted ? [] : [linkTo(caller)];
    return this.#start('server', name, attributes, { parent, links });
  }

  startJob({ id, kind, attempt, traceparent }: TracedJob): Span | undefined {
    const cause = parseTraceparent(traceparent ?? undefined);
    if (!this.#sampling.isSampled(`job ${kind}`, cause)) return undefined;
    const attributes = { 'latchkey.job.id': id, 'latchkey.job.kind': kind, 'latchkey.job.attempt': attempt };
    const parent = attempt === 1 ? cause : undefined;
    const links = cause === undefined || attempt === 1 ? [] : [linkTo(cause)];
    return this.#start('consumer', `job ${kind}`, attributes, { parent, links });
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, closeMs);
    // A collector that is unreachable has been reported by the exporter.
    await Promise.race([this.#provider.shutdown().catch(() => undefined), promise]);
    clearTimeout(timer);
  }

  #start(
    kind: SpanKind,
    name: string,
    attributes: SpanAttributes,
    { parent, links }: { readonly parent: TraceParent | undefined; readonly links: Link[] },
  ): Span {
    const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, contextOf(parent));
    const options = { kind: kinds[kind], attributes: { ...attributes }, links };
    return new RecordedSpan(this.#tracer, this.#tracer.startSpan(name, options, context));
  }
}

function contextOf({ traceId, spanId, isSampled }: TraceParent) {
  return { traceId, spanId, traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE, isRemote: true };
}

function linkTo(position: TraceParent): Link {
  return { context: contextOf(position) };
}

class RecordedSpan implements Span {
  readonly #tracer: SdkTracerApi;
  readonly #span: SdkSpan;

  constructor(tracer: SdkTracerApi, span: SdkSpan) {
    this.#tracer = tracer;
    this.#span = span;
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get traceparent(): string {
    return formatTraceparent({ ...this.#span.spanContext(), isSampled: true });
  }

  child(kind: SpanKind, name: string, attributes: SpanAttributes): Span {
    const options = { kind: kinds[kind], attributes: { ...attributes } };
    const context = trace.setSpan(ROOT_CONTEXT, this.#span);
    return new RecordedSpan(this.#tracer, this.#tracer.startSpan(name, options, context));
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes({ ...attributes });
  }

  end(outcome: 'ok' | 'error' = 'ok'): void {
    if (outcome === 'error') this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}

/** Drops and counts the spans for which the queue has no room; the SDK drops them without a word. */
class BoundedProcessor implements SpanProcessor {
  readonly #batches: BatchSpanProcessor;
  readonly #exporter: CountingExporter;
  readonly #onDropped: TracerOptions['onDropped'];

  constructor(exporter: CountingExporter, { onDropped }: TracerOptions) {
    this.#exporter = exporter;
    this.#onDropped = onDropped;
    this.#batches = new BatchSpanProcessor({
      exporter,
      // One more than our own bound, so that the SDK never drops.
      maxQueueSize: queuedAtMost + batchAtMost,
      maxExportBatchSize: batchAtMost,
      scheduledDelayMillis: delayMs,
      exportTimeoutMillis: exportTimeoutMs,
    });
  }

  onStart(...started: Parameters<SpanProcessor['onStart']>): void {
    this.#batches.onStart(...started);
  }

  onEnd(span: ReadableSpan): void {
    if (this.#exporter.waiting >= queuedAtMost) {
      this.#onDropped(1);
      return;
    }
    this.#exporter.waiting += 1;
    runOutsideSpans(() => this.#batches.onEnd(span));
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown();
  }
}

/** Counts the spans that a collector did not accept, and reports the first failure after a success, and the reverse. */
class CountingExporter implements SpanExporter {
  /** Spans that have ended and were not exported yet. */
  waiting = 0;
  readonly #inner: SpanExporter;
  readonly #options: Pick<TracerOptions, 'onDropped' | 'onExport'>;
  #isFailing = false;

  constructor(inner: SpanExporter, options: Pick<TracerOptions, 'onDropped' | 'onExport'>) {
    this.#inner = inner;
    this.#options = options;
  }

  export(spans: ReadableSpan[], report: Parameters<SpanExporter['export']>[1]): void {
    this.#inner.export(spans, (result) => {
      this.waiting -= spans.length;
      this.#note(spans.length, result.code === 0 ? undefined : (result.error ?? new Error('the export failed')));
      report(result);
    });
  }

  #note(count: number, error: Error | undefined): void {
    if (error !== undefined) this.#options.onDropped(count);
    const isFailing = error !== undefined;
    if (isFailing !== this.#isFailing) this.#options.onExport(error);
    this.#isFailing = isFailing;
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}
