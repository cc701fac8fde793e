/** Prometheus metrics; docs/guides/operating.md lists their names. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type Latencies, LatencyHistograms } from './latency.ts';
import type { MetricSnapshot } from './merging.ts';

/** The content type of `Metrics.render`. */
export const metricsContentType: string = Registry.PROMETHEUS_CONTENT_TYPE;

export interface RouteMetrics {
  /** Counts one response. */
  observe(status: number, seconds: number): void;
}

/** One round trip to the database. */
interface StatementObservation {
  readonly name: string;
  readonly lane: string;
  readonly milliseconds: number;
  readonly outcome: 'ok' | 'error';
}

export interface Metrics {
  /** Called once for each route at start; `route` is the pattern, never a path. */
  route(method: string, route: string): RouteMetrics;
  observeStatement(observation: StatementObservation): void;
  userRegistered(): void;
  /** `type` is the template of the mail, `status` the outcome of the attempt. */
  emailJobProcessed(type: string, status: string): void;
  /** An outbound request; `outcome` is `answered` or the reason of the failure. */
  observeOutbound(purpose: string, outcome: string, seconds: number): void;
  /** Waiting jobs, by kind. */
  setQueueDepth(kind: string, depth: number): void;
  /**
   * A value that is read at each scrape; a `counter` never decreases. Of several processes the values are added; those of a
   * `shared` gauge describe the same thing, so the highest counts.
   */
  watch(kind: 'gauge' | 'counter' | 'shared', name: string, help: string, read: () => number): void;
  /** All metrics in Prometheus text format. */
  render(): Promise<string>;
  /** All metrics, to be merged with those of other processes. */
  snapshot(): Promise<MetricSnapshot[]>;
}

/**
 * The metrics of a process, in a registry of their own, so that one test can have two of them.
 *
 * @param options `processMetrics: false` leaves out those of Node (event loop lag, memory, handles), which need a timer.
 */
export function createMetrics(options: { readonly processMetrics?: boolean } = {}): Metrics {
  return new ProcessMetrics(options.processMetrics ?? true);
}

const requestCounts = ['http_requests_total', 'Requests.'] as const;

class ProcessMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #requests = new LatencyHistograms('http_request_duration_seconds', 'Duration of requests.');
  readonly #queries = new LatencyHistograms('db_query_duration_seconds', 'Duration of round trips to the database.');
  readonly #outbound = new LatencyHistograms('outbound_request_duration_seconds', 'Duration of outbound requests.');
  readonly #outboundOutcomes = new Map<string, Latencies>();
  readonly #operations = new Map<string, Map<string, Latencies>>();
  readonly #queryErrors: Counter<'operation'>;
  readonly #registrations: Counter;
  readonly #emails: Counter<'type' | 'status'>;
  readonly #queueDepth: Gauge<'kind'>;

  constructor(processMetrics: boolean) {
    const registers = [this.#registry];
    this.#queryErrors = new Counter({
      name: 'db_query_errors_total',
      help: 'Round trips to the database that failed.',
      labelNames: ['operation'],
      registers,
    });
    this.#registrations = new Counter({
      name: 'user_registrations_total',
      help: 'Users registered.',
      registers,
    });
    this.#emails = new Counter({
      name: 'email_jobs_processed_total',
      help: 'Attempts to send a mail.',
      labelNames: ['type', 'status'],
      registers,
    });
    this.#queueDepth = new Gauge({
      name: 'jobs_queue_depth',
      help: 'Waiting jobs.',
      labelNames: ['kind'],
      aggregator: 'max',
      registers,
    });
    if (processMetrics) collectDefaultMetrics({ register: this.#registry });
  }

  route(method: string, route: string): RouteMetrics {
    return new RouteLatencies(this.#requests, method, route);
  }

  observeStatement(observation: StatementObservation): void {
    this.#operation(observation.name, observation.lane).observe(observation.milliseconds / 1000);
    if (observation.outcome === 'error') this.#queryErrors.inc({ operation: observation.name });
  }

  userRegistered(): void {
    this.#registrations.inc();
  }

  emailJobProcessed(type: string, status: string): void {
    this.#emails.inc({ type, status });
  }

  observeOutbound(purpose: string, outcome: string, seconds: number): void {
    const key = `${purpose} ${outcome}`;
    const latencies = this.#outboundOutcomes.get(key) ?? this.#outbound.child({ purpose, outcome });
    this.#outboundOutcomes.set(key, latencies);
    latencies.observe(seconds);
  }

  setQueueDepth(kind: string, depth: number): void {
    this.#queueDepth.set({ kind }, depth);
  }

  watch(kind: 'gauge' | 'counter' | 'shared', name: string, help: string, read: () => number): void {
    const registers = [this.#registry];
    if (kind !== 'counter') {
      new Gauge({
        name,
        help,
        aggregator: kind === 'shared' ? 'max' : 'sum',
        registers,
        collect() {
          this.set(read());
        },
      });
      return;
    }
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  async render(): Promise<string> {
    const parts = [
      this.#requests.render(),
      this.#requests.renderCounts(...requestCounts),
      this.#queries.render(),
      this.#outbound.render(),
      await this.#registry.metrics(),
    ];
    return `${parts.join('\n\n').trimEnd()}\n`;
  }

  async snapshot(): Promise<MetricSnapshot[]> {
    const others = (await this.#registry.getMetricsAsJSON()) as unknown as MetricSnapshot[];
    return [
      this.#requests.snapshot(),
      this.#requests.snapshotCounts(...requestCounts),
      this.#queries.snapshot(),
      this.#outbound.snapshot(),
      ...others,
    ];
  }

  #operation(name: string, lane: string): Latencies {
    let lanes = this.#operations.get(name);
    if (lanes === undefined) {
      lanes = new Map();
      this.#operations.set(name, lanes);
    }
    let latencies = lanes.get(lane);
    if (latencies === undefined) {
      latencies = this.#queries.child({ operation: name, lane });
      lanes.set(lane, latencies);
    }
    return latencies;
  }
}

class RouteLatencies implements RouteMetrics {
  readonly #histograms: LatencyHistograms;
  readonly #method: string;
  readonly #route: string;
  readonly #byStatus: (Latencies | undefined)[] = [];

  constructor(histograms: LatencyHistograms, method: string, route: string) {
    this.#histograms = histograms;
    this.#method = method;
    this.#route = route;
  }

  observe(status: number, seconds: number): void {
    let latencies = this.#byStatus[status];
    if (latencies === undefined) {
      latencies = this.#histograms.child({ method: this.#method, route: this.#route, status_code: String(status) });
      this.#byStatus[status] = latencies;
    }
    latencies.observe(seconds);
  }
}
